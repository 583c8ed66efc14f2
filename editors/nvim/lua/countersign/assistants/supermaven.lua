--- supermaven-nvim (supermaven-inc/supermaven-nvim): `on_accept_suggestion` inserts at once; the word goes by it.
local assistants = require('countersign.assistants')
local wrap = require('countersign.wrap')

local M = {}

M.modules = { 'supermaven-nvim.completion_preview' }

function M.setup()
  local around = assistants.recorded('supermaven', { tool = 'supermaven', means = 'inlineCompletion' })
  wrap.module(M.modules[1], { 'on_accept_suggestion', 'on_accept_suggestion_word' }, around)
end

return M
