--- avante.nvim (yetone/avante.nvim): suggestions, the side of a conflict that is the assistant's, and the tools with which it
--- changes files. Its events tell of requests and never of what was inserted. What it streams into a selection while it
--- works is not told.
local assistants = require('countersign.assistants')
local wrap = require('countersign.wrap')

local M = {}

M.modules = { 'avante.suggestion', 'avante.diff' }

local function model()
  local ok, name = pcall(function()
    local settings = require('avante.config')
    return settings.providers[settings.provider].model
  end)
  return ok and type(name) == 'string' and name or nil
end

local function origin(means)
  return function()
    return { tool = 'avante', model = model(), means = means }
  end
end

function M.setup()
  wrap.module('avante.suggestion', { 'accept' }, assistants.recorded('avante', origin('inlineCompletion')))
  local chosen = assistants.recorded('avante', origin('chat'))
  wrap.module('avante.diff', { 'process_position' }, function(original, buffer, side, ...)
    if side == 'theirs' then
      return chosen(original, buffer, side, ...)
    end
    return original(buffer, side, ...)
  end)
end

return M
