--- copilot.lua (zbirenbaum/copilot.lua): `copilot.suggestion` and the panel insert by `vim.lsp.util.apply_text_edits`, some of
--- it from `vim.schedule`. There is no event. `accept_word` and `accept_line` go by `accept`. Next edits are those of
--- copilot-lsp.
local assistants = require('countersign.assistants')
local wrap = require('countersign.wrap')

local M = {}

M.modules = { 'copilot.suggestion', 'copilot.panel', 'copilot-lsp.nes' }

function M.setup()
  local around = assistants.recorded('copilot_lua', { tool = 'github-copilot', means = 'inlineCompletion' })
  wrap.module('copilot.suggestion', { 'accept' }, around)
  wrap.module('copilot.panel', { 'accept' }, around)
  wrap.module('copilot-lsp.nes', { 'apply_pending_nes' }, around)
end

return M
