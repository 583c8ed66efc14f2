--- Pastes from the terminal or a graphical shell go by `vim.paste`. They say nothing about who wrote the text; they only
--- answer the question that a large insertion raises.
local assistants = require('countersign.assistants')
local evidence = require('countersign.evidence')

local M = {}

M.modules = {}

local ours --- @type function?

function M.setup()
  local paste = vim.paste
  if paste == ours then
    return
  end
  ours = function(...)
    if not assistants.is_on('paste') then
      return paste(...)
    end
    return evidence.record({ tool = 'neovim', means = 'paste' }, paste, ...)
  end
  vim.paste = ours
end

return M
