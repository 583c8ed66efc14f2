--- The assistants whose insertions can be told from those of a person, one a file.
local config = require('countersign.config')

local M = {}

--- By the names of the settings.
M.names = { 'copilot_lua', 'copilot_vim', 'codecompanion', 'avante', 'supermaven', 'minuet', 'paste' }

local ready = {} --- @type table<string, boolean>

function M.setup()
  for _, name in ipairs(M.names) do
    if config.values.evidence[name] and not ready[name] then
      ready[name] = true
      -- What an assistant has changed about itself must not keep Neovim from starting.
      local ok, problem = pcall(function()
        require('countersign.assistants.' .. name).setup()
      end)
      if not ok then
        vim.notify_once(('Countersign: %s is not followed: %s'):format(name, problem), vim.log.levels.DEBUG)
      end
    end
  end
end

--- Whether evidence of an assistant counts; it may have been turned off after it was wrapped.
function M.is_on(name)
  return config.values.evidence[name]
end

--- A wrapper for `wrap.functions`: what the function inserts came from there.
--- @param name string of the setting
--- @param origin countersign.Origin|fun(...): countersign.Origin
function M.recorded(name, origin)
  local evidence = require('countersign.evidence')
  return function(original, ...)
    if not M.is_on(name) then
      return original(...)
    end
    local from = origin
    if type(origin) == 'function' then
      from = origin(...)
    end
    return evidence.record_scheduled(from, original, nil, ...)
  end
end

return M
