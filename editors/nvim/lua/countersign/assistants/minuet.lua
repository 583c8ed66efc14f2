--- minuet-ai.nvim (milanglacier/minuet-ai.nvim): virtual text is inserted from `vim.schedule`, a duet at once. Its completions
--- for nvim-cmp, blink and the built-in completion are inserted by those, and cannot be told from others.
local assistants = require('countersign.assistants')
local wrap = require('countersign.wrap')

local M = {}

M.modules = { 'minuet.virtualtext', 'minuet.duet' }

--- The model of the provider that is set, if it says so.
local function model()
  local ok, settings = pcall(function()
    return require('minuet').config
  end)
  local options = ok and settings and settings.provider_options and settings.provider_options[settings.provider]
  return type(options) == 'table' and type(options.model) == 'string' and options.model or nil
end

function M.setup()
  local around = assistants.recorded('minuet', function()
    return { tool = 'minuet', model = model(), means = 'inlineCompletion' }
  end)
  wrap.module('minuet.virtualtext', { 'accept', 'accept_line' }, around, 'action')
  wrap.module('minuet.duet', { 'apply' }, around, 'action')
end

return M
