--- The main story: an assistant inserts a risky block, and what a person sees and does then.
local T = ...

local SUGGESTED = 'resource "aws_lightsail_database" "db" {\n  publicly_accessible = true\n}'
-- The last line's break is none that an extmark could cover.
local FORCE = T.FORCE:sub(1, -2)

--- Neovim on main.tf with an empty last line, an assistant and its keys.
local function with_copilot(workspace, options)
  local nvim = T.start(workspace, options)
  nvim:open('main.tf')
  nvim:attached()
  nvim:lua([[require('copilot.suggestion').map()]])
  return nvim
end

local function offer(nvim, text)
  nvim:lua([[require('copilot.suggestion').show(...)]], text)
end

local function accepts_block(nvim)
  nvim:keys('Go')
  nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
  offer(nvim, SUGGESTED)
  nvim:keys('<Tab>')
  nvim:wait('the block', [[return vim.api.nvim_buf_line_count(0) == 6]])
  nvim:keys('<Esc>')
end

return {
  {
    'a block that copilot.lua inserts is found, shaded and marked on its lines',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.SAFE }))
      accepts_block(nvim)
      nvim:wait_findings({ '5:database-public' })
      nvim:wait_shaded({ SUGGESTED })
      nvim:wait_signs({ 4, 5, 6 })
      T.eq(nvim:regions(), {
        { by = 'ai', tool = 'github-copilot', authority = 'observed', text = SUGGESTED },
      })
    end,
  },
  {
    'what was typed before a completion stays a person\'s',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.SAFE }))
      nvim:keys('Goresource "aws_l')
      nvim:wait('the typed text', [[return vim.api.nvim_get_current_line() == 'resource "aws_l']])
      offer(nvim, SUGGESTED:sub(16))
      nvim:keys('<Tab>')
      nvim:wait_findings({ '5:database-public' })
      T.eq(nvim:ai_texts(), { SUGGESTED:sub(16) })
    end,
  },
  {
    'a word and a line that are accepted, and no more',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.SAFE }))
      nvim:keys('Go# a')
      nvim:wait('the typed text', [[return vim.api.nvim_get_current_line() == '# a']])
      offer(nvim, ' comment by nobody')
      nvim:keys('<C-Right>')
      nvim:wait('the word', [[return vim.api.nvim_get_current_line() == '# a comment ']])
      T.eq(nvim:ai_texts(), { ' comment ' })
      nvim:keys('my<CR>')
      nvim:wait('a new line', [[return vim.api.nvim_win_get_cursor(0)[1] == 5]])
      offer(nvim, SUGGESTED)
      nvim:keys('<C-Down>')
      nvim:wait('the line', [[return vim.api.nvim_get_current_line():find('^resource')]])
      T.eq(nvim:ai_texts(), { ' comment ', 'resource "aws_lightsail_database" "db" {' })
    end,
  },
  {
    'letters of many bytes',
    function()
      local workspace = T.workspace({ ['main.tf'] = '# über 𝒜\n' .. T.SAFE })
      local nvim = with_copilot(workspace)
      nvim:keys('A ü')
      nvim:wait('the typed text', [[return vim.api.nvim_get_current_line():find(' ü$')]])
      offer(nvim, 'ü 𝒜𝒜 ö')
      nvim:keys('<Tab>')
      nvim:wait('the rest', [[return vim.api.nvim_get_current_line():find('ö$')]])
      T.eq(nvim:ai_texts(), { 'ü 𝒜𝒜 ö' })
      nvim:wait_shaded({ 'ü 𝒜𝒜 ö' })
    end,
  },
  {
    'the code action changes the buffer and the file',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE })
      local nvim = with_copilot(workspace)
      accepts_block(nvim)
      nvim:wait_findings({ '5:database-public' })
      nvim:lua([[
        vim.api.nvim_win_set_cursor(0, { 5, 25 })
        vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.isPreferred end })
      ]])
      nvim:wait('the fix', [[return vim.api.nvim_buf_get_lines(0, 4, 5, false)[1] == '  publicly_accessible = false']])
      nvim:wait_findings({})
      nvim:command('write')
      T.eq(T.read(workspace.path('main.tf')), T.SAFE .. SUGGESTED:gsub('true', 'false') .. '\n')
    end,
  },
  {
    'the command does the same',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.PUBLIC .. T.FORCE }))
      nvim:wait_findings({ '2:database-public', '5:force-destroy' })
      nvim:command('2 | Countersign fix')
      nvim:wait_findings({ '5:force-destroy' })
      nvim:command('Countersign fixall')
      nvim:wait_findings({})
      T.eq(nvim:text(), (T.PUBLIC .. T.FORCE):gsub('true', 'false'))
    end,
  },
  {
    'a tag, and a person\'s word against it',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.PUBLIC }))
      nvim:wait_findings({ '2:database-public' })
      nvim:command('1,3 Countersign tag claude claude-sonnet-4-5')
      nvim:wait('the tag', [[
        local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
        return #lines == 5 and lines[1]:find('^# ai%-provenance: begin .*tool=claude model=claude%-sonnet%-4%-5')
          and lines[5]:find('^# ai%-provenance: end')
      ]])
      nvim:wait_shaded({ '\n' .. T.PUBLIC })
      nvim:command('2,4 Countersign human')
      nvim:wait_shaded({})
      T.eq(nvim:regions()[1].authority, 'corrected')
      nvim:command('3 | Countersign who')
      nvim:wait_said('person')
    end,
  },
  {
    'a risk is accepted with a reason',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.PUBLIC }))
      nvim:wait_findings({ '2:database-public' })
      nvim:command('2 | Countersign allow copies of public data only')
      nvim:wait_findings({})
      T.eq(
        nvim:lua([[return vim.api.nvim_buf_get_lines(0, 1, 2, false)[1] ]]),
        '  # countersign: allow database-public reason="copies of public data only"'
      )
    end,
  },
  {
    'a review is requested, and listed',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE })
      local nvim = with_copilot(workspace)
      accepts_block(nvim)
      nvim:wait_findings({ '5:database-public' })
      nvim:command('write')
      nvim:command('5 | Countersign review is this meant?')
      nvim:wait_said('The review request was written to')
      local name = vim.fs.dir(workspace.path('.countersign/reviews'))()
      local request = vim.json.decode(T.read(workspace.path('.countersign/reviews/' .. name))).predicate
      T.eq(request.why, 'is this meant?')
      T.eq(request.findings[1].origin.by, 'ai')
      nvim:wait('where it stands', [[return require('countersign.reviews').find(...)]], request.requestId)
      nvim:command('Countersign reviews')
      local items = nvim:lua([[return vim.tbl_map(function(i) return { i.lnum, i.text } end, vim.fn.getqflist())]])
      local text = '[%s waits for approval] database-public, asked by Ann <ann@example.org>: is this meant?'
      T.eq(items, { { 4, text:format(request.requestId) } })
    end,
  },
  {
    'undo takes the origin away and redo brings it back',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.SAFE }))
      nvim:keys('Go<Esc>')
      nvim:wait('a new line', [[return vim.fn.mode() == 'n' and vim.api.nvim_buf_line_count(0) == 4]])
      nvim:keys('i')
      nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
      offer(nvim, SUGGESTED)
      nvim:keys('<Tab><Esc>')
      nvim:wait_shaded({ SUGGESTED })
      nvim:keys('u')
      nvim:wait_findings({})
      nvim:wait_shaded({})
      nvim:keys('<C-r>')
      nvim:wait_findings({ '5:database-public' })
      nvim:wait_shaded({ SUGGESTED })
      T.eq(nvim:ai_texts(), { SUGGESTED })
    end,
  },
  {
    'a paste is never an AI\'s, and nobody asks who wrote it',
    function()
      local nvim = with_copilot(T.workspace({ ['main.tf'] = T.SAFE }))
      local long = T.PUBLIC .. T.FORCE .. T.PUBLIC:gsub('"db"', '"more"') .. T.FORCE:gsub('"logs"', '"more"')
      nvim:keys('Go<Esc>')
      nvim:wait('a new line', [[return vim.fn.mode() == 'n' and vim.api.nvim_buf_line_count(0) == 4]])
      vim.rpcrequest(nvim.channel, 'nvim_paste', long, true, -1)
      nvim:wait_findings({ '11:database-public', '14:force-destroy', '5:database-public', '8:force-destroy' })
      T.eq(nvim:regions(), {})
      -- From a register it is not seen, and the server may ask. It is no AI's either way.
      nvim:lua([[vim.fn.setreg('a', ..., 'V')]], T.FORCE:gsub('"logs"', '"register"'))
      nvim:keys('G"ap')
      nvim:wait('the text', [[return vim.api.nvim_buf_line_count(0) > 15]])
      T.eq(nvim:ai_texts(), {})
    end,
  },
  {
    'an agent changes the file while it is open',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE })
      local nvim = with_copilot(workspace)
      nvim:wait_findings({})
      T.claude_edits(workspace, 't1', T.SAFE, T.SAFE .. T.FORCE)
      nvim:command('checktime')
      nvim:wait_findings({ '5:force-destroy' })
      nvim:wait_shaded({ FORCE })
      T.eq(nvim:regions()[1].authority, 'reported')
      -- Again, after what a person types and saves.
      nvim:keys('ggO# mine<Esc>:w<CR>')
      nvim:wait('the line on disk', [[return not vim.bo.modified and vim.api.nvim_buf_line_count(0) == 7]])
      T.claude_edits(workspace, 't2', 'force_destroy = true', 'force_destroy = true\n  comment = "x"')
      nvim:command('checktime')
      nvim:wait_shaded({ (FORCE:gsub('= true', '= true\n  comment = "x"')) })
    end,
  },
  {
    'an agent changes the file while it is closed',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE, ['other.tf'] = T.SAFE:gsub('safe', 'other') })
      T.claude_edits(workspace, 't1', T.SAFE, T.SAFE .. T.FORCE)
      local nvim = with_copilot(workspace)
      nvim:wait_findings({ '5:force-destroy' })
      nvim:wait_shaded({ FORCE })
      nvim:command('bdelete')
      nvim:open('other.tf')
      nvim:attached()
      T.claude_edits(workspace, 't2', T.FORCE, T.FORCE .. T.PUBLIC)
      nvim:open('main.tf')
      nvim:wait_findings({ '5:force-destroy', '8:database-public' })
      nvim:wait_shaded({ T.FORCE .. T.PUBLIC:sub(1, -2) })
    end,
  },
  {
    'a server that is killed comes back and knows what was known',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE })
      local nvim = with_copilot(workspace, { lua = 'vim.g.countersign = { restart_delay = 1 }' })
      accepts_block(nvim)
      nvim:wait_shaded({ SUGGESTED })
      nvim:command('write')
      T.written_down(workspace)
      nvim:lua([[
        _G.first = require('countersign.client').of(0).id
        for _, process in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
          local information = vim.api.nvim_get_proc(process)
          if information and information.name == 'countersign' then vim.uv.kill(process, 'sigkill') end
        end
      ]])
      nvim:wait('another server', [[
        local c = require('countersign.client').of(0)
        return c ~= nil and c.id ~= _G.first
      ]])
      nvim:wait_said('the server ended by signal 9')
      nvim:wait_findings({ '5:database-public' })
      nvim:wait_shaded({ SUGGESTED })
      -- And goes on.
      nvim:keys('Go')
      nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
      offer(nvim, '# by copilot')
      nvim:keys('<Tab><Esc>')
      nvim:wait_shaded({ SUGGESTED, '# by copilot' })
    end,
  },
}
