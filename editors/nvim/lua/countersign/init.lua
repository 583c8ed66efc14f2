--- Countersign in Neovim: starts the server, tells it which text an AI plugin inserted, and shows which text that is.
local M = {}

local set_up = false

--- Applies settings; those that are left out keep their defaults (see |countersign-settings|). May be called again.
--- @param settings? table
function M.setup(settings)
  set_up = true
  for _, problem in ipairs(require('countersign.config').apply(settings)) do
    vim.notify(problem, vim.log.levels.WARN)
  end
  require('countersign.regions').setup()
  require('countersign.assistants').setup()
  require('countersign.server').setup()
end

function M.is_set_up()
  return set_up
end

--- For a status line: what is open here, `''` where there is nothing to say.
--- @return string for instance "countersign: 2 AI, 1 to review"
function M.status()
  return require('countersign.regions').summary(vim.api.nvim_get_current_buf())
end

return M
