--- codecompanion.nvim (olimorris/codecompanion.nvim): the inline assistant writes by `Inline:output` or shows its text in place
--- by `show_diff`; the chat's tools say `User CodeCompanionFileEdited` with `{ path, tool, bufnr? }` right after they have
--- changed a buffer. Agents that run by themselves (ACP) change files on disk: they have hooks, `countersign hook`.
local assistants = require('countersign.assistants')
local changes = require('countersign.changes')
local evidence = require('countersign.evidence')
local wrap = require('countersign.wrap')

local M = {}

M.modules = { 'codecompanion.interactions.inline', 'codecompanion.strategies.inline', 'codecompanion.helpers' }

--- The model of an adapter, if it says so.
local function model(adapter)
  local ok, name = pcall(function()
    local value = adapter.model or adapter.schema.model.default
    return type(value) == 'table' and value.name or value
  end)
  return ok and type(name) == 'string' and name or nil
end

local function by_event(event)
  local data = event.data
  if not assistants.is_on('codecompanion') or type(data) ~= 'table' then
    return
  end
  local buffer = data.bufnr
  if type(buffer) ~= 'number' and type(data.path) == 'string' then
    buffer = vim.fn.bufnr('^' .. vim.fn.escape(data.path, '[]*?{}\\^$,') .. '$')
  end
  if type(buffer) == 'number' and buffer > 0 and vim.api.nvim_buf_is_loaded(buffer) then
    evidence.just_now(buffer, { tool = 'codecompanion', means = 'chat' })
  end
end

function M.setup()
  local output = assistants.recorded('codecompanion', function(self)
    return { tool = 'codecompanion', model = model(type(self) == 'table' and self.adapter), means = 'chat' }
  end)
  wrap.module('codecompanion.interactions.inline', { 'output' }, output)
  wrap.module('codecompanion.strategies.inline', { 'output' }, output)
  local shown = assistants.recorded('codecompanion', { tool = 'codecompanion', means = 'chat' })
  wrap.module('codecompanion.helpers', { 'show_diff' }, function(original, options, ...)
    -- Elsewhere it shows the text in a window of its own.
    if type(options) == 'table' and options.inline then
      return shown(original, options, ...)
    end
    return original(options, ...)
  end)
  local group = vim.api.nvim_create_augroup('countersign.codecompanion', {})
  vim.api.nvim_create_autocmd('User', { group = group, pattern = 'CodeCompanionFileEdited', callback = by_event })
  vim.api.nvim_create_autocmd('BufWritePre', {
    group = group,
    callback = function(event)
      changes.before_write(event.buf)
    end,
  })
end

return M
