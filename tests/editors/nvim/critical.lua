--- Files of any language that the team calls critical, and countersign.toml itself.
local T = ...

local TIER = '[[tier]]\npaths = ["src/pricing/**"]\ntier = "critical"\n'
local TEXT = 'def total(items):\n    return 0\n'
local SUGGESTED = 'def discount(total):\n    return 1'

local function start(settings)
  local workspace = T.workspace({
    ['countersign.toml'] = settings,
    ['src/pricing/total.py'] = TEXT,
    ['src/pricing/table.prices'] = 'a;b\n',
    ['src/other.py'] = TEXT,
  })
  return T.start(workspace), workspace
end

--- Whether a server joins the buffer within a second, which is more than it needs.
local JOINED = [[return vim.wait(1000, function() return require('countersign.client').of(0) ~= nil end, 20)]]

return {
  {
    'what an AI writes in a critical file is found and shaded, whatever its language',
    function()
      local nvim = start(TIER)
      nvim:open('src/pricing/total.py')
      nvim:attached()
      -- Until the settings are read, the file is nobody's business.
      nvim:lua([[vim.wait(500)]])
      nvim:lua([[require('copilot.suggestion').map()]])
      nvim:keys('Go')
      nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
      nvim:lua([[require('copilot.suggestion').show(...)]], SUGGESTED)
      nvim:keys('<Tab>')
      nvim:wait('the block', [[return vim.api.nvim_buf_line_count(0) == 4]])
      nvim:keys('<Esc>')
      nvim:wait_findings({ '3:ai-in-critical-place' })
      nvim:wait_shaded({ SUGGESTED })
      nvim:keys('GoRATE = 19<Esc>')
      nvim:wait_findings({ '3:ai-in-critical-place', '5:unknown-in-critical-place' })
    end,
  },
  {
    'a file whose type nobody knows is joined, others are not',
    function()
      local nvim = start(TIER)
      nvim:open('src/pricing/table.prices')
      nvim:attached()
      nvim:open('src/other.py')
      T.eq(nvim:lua(JOINED), false)
      nvim:open('countersign.toml')
      nvim:attached()
    end,
  },
  {
    'a project without tiers is asked nothing',
    function()
      local nvim = start('')
      nvim:open('src/pricing/total.py')
      T.eq(nvim:lua(JOINED), false)
      T.eq(nvim:lua([[return #require('countersign.client').all()]]), 0)
    end,
  },
  {
    'settings that are written say so anew',
    function()
      local nvim, workspace = start('')
      nvim:open('src/pricing/total.py')
      nvim:open('countersign.toml')
      nvim:attached()
      nvim:lua([[vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(..., '\n')); vim.cmd.write()]], TIER)
      nvim:lua([[vim.cmd.buffer(vim.fn.bufnr(...))]], workspace.path('src/pricing/total.py'))
      nvim:attached()
    end,
  },
  {
    'keys and values of the settings are completed and explained',
    function()
      local nvim = start('[[tier]]\ntier = "critical"\n')
      nvim:open('countersign.toml')
      nvim:attached()
      local answer = nvim:lua([[
        local connection = require('countersign.client').of(0)
        local params = { textDocument = { uri = vim.uri_from_bufnr(0) }, position = { line = 1, character = 8 } }
        local done = vim.lsp.buf_request_sync(0, 'textDocument/completion', params, 5000)
        return vim.tbl_map(function(item) return item.label end, done[connection.id].result)
      ]])
      T.eq(answer, { 'low', 'standard', 'high', 'critical' })
      -- 0.10 asks no server that registers hover later.
      if nvim:lua([[return vim.fn.has('nvim-0.11')]]) == 0 then
        return
      end
      nvim:command('2')
      nvim:lua([[vim.lsp.buf.hover()]])
      nvim:wait('the explanation', [[
        for _, window in ipairs(vim.api.nvim_list_wins()) do
          local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
          if table.concat(lines, '\n'):find('How much it matters', 1, true) then return true end
        end
      ]])
    end,
  },
}
