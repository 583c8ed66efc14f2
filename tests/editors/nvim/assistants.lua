--- Each assistant tells what it inserted, by its own means, and nothing else.
local T = ...

local BLOCK = 'resource "aws_route53_zone" "logs" {\n  force_destroy = true\n}'

local function start(options)
  local nvim = T.start(T.workspace({ ['main.tf'] = T.SAFE }), options)
  nvim:open('main.tf')
  nvim:attached()
  return nvim
end

local function insert_at_end(nvim)
  nvim:keys('Go')
  nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
end

--- Waits until these are the AI's texts, all of this tool.
local function wait_told(nvim, texts, tool)
  nvim:wait_shaded(texts)
  for _, region in ipairs(nvim:regions()) do
    T.eq({ region.by, region.tool, region.authority }, { 'ai', tool, 'observed' })
  end
end

return {
  {
    'copilot.vim, whose key inserts the text',
    function()
      local nvim = start()
      insert_at_end(nvim)
      nvim:lua([[
        vim.cmd("inoremap <script><silent><nowait><expr> <Tab> copilot#Accept()")
        vim.fn['copilot#Show'](...)
      ]], BLOCK)
      nvim:keys('<Tab># typed at once')
      nvim:wait('the text', [[return vim.api.nvim_get_current_line() == '}# typed at once']])
      wait_told(nvim, { BLOCK }, 'github-copilot')
      -- Another Tab inserts a tab.
      nvim:keys('<Tab><Esc>')
      nvim:wait('the tab', [[return vim.api.nvim_get_current_line():find('%s$')]])
      T.eq(nvim:ai_texts(), { BLOCK })
    end,
  },
  {
    'minuet, whose keys were mapped before we came',
    function()
      local nvim = start({ lua = [[require('minuet.virtualtext').setup()]] })
      insert_at_end(nvim)
      nvim:lua([[require('minuet.virtualtext').show(...)]], BLOCK)
      nvim:keys('<A-a>')
      wait_told(nvim, { BLOCK }, 'minuet')
    end,
  },
  {
    'minuet, whose keys are mapped after',
    function()
      local nvim = start()
      nvim:lua([[require('minuet.virtualtext').setup()]])
      insert_at_end(nvim)
      nvim:lua([[require('minuet.virtualtext').show(...)]], BLOCK)
      nvim:keys('<A-l>')
      wait_told(nvim, { 'resource "aws_route53_zone" "logs" {' }, 'minuet')
    end,
  },
  {
    'supermaven, a whole text and a word',
    function()
      local nvim = start()
      nvim:lua([[
        local preview = require('supermaven-nvim.completion_preview')
        vim.keymap.set('i', '<Tab>', preview.on_accept_suggestion)
        vim.keymap.set('i', '<C-j>', preview.on_accept_suggestion_word)
      ]])
      insert_at_end(nvim)
      nvim:lua([[require('supermaven-nvim.completion_preview').show(...)]], BLOCK)
      nvim:keys('<Tab>')
      wait_told(nvim, { BLOCK }, 'supermaven')
      nvim:keys('<Esc>Go')
      nvim:wait('a new line', [[return vim.api.nvim_get_current_line() == '' and vim.fn.mode() == 'i']])
      nvim:lua([[require('supermaven-nvim.completion_preview').show('# word by word')]])
      nvim:keys('<C-j>')
      nvim:wait('the word', [[return vim.api.nvim_get_current_line() == '#']])
      -- Nothing is shown any more, so the key is a tab of the user's.
      nvim:keys('mine<Tab>')
      nvim:wait('the tab', [[return #vim.trim(vim.api.nvim_get_current_line()) < #vim.api.nvim_get_current_line()]])
      T.eq(nvim:ai_texts(), { BLOCK, '#' })
    end,
  },
  {
    'codecompanion inline',
    function()
      local nvim = start()
      nvim:lua([[
        vim.api.nvim_buf_set_lines(0, 0, 0, false, { '' })
        local Inline = require('codecompanion.interactions.inline')
        Inline.new({ line = 0, adapter = { model = { name = 'a-model' } } }):done(...)
      ]], BLOCK)
      wait_told(nvim, { BLOCK }, 'codecompanion')
    end,
  },
  {
    'codecompanion\'s tools, by their event',
    function()
      local nvim = start()
      nvim:lua([[
        -- A formatter that runs when the buffer is written.
        vim.api.nvim_create_autocmd('BufWritePre', { callback = function()
          vim.api.nvim_buf_set_lines(0, -1, -1, false, { '# by the formatter' })
        end })
        require('codecompanion.tool').edit('publicly_accessible = false', 'publicly_accessible = true')
      ]])
      nvim:wait_findings({ '2:database-public' })
      wait_told(nvim, { 'tru' }, 'codecompanion')
      T.eq(T.read(nvim.workspace.path('main.tf')), T.SAFE:gsub('false', 'true') .. '# by the formatter\n')
    end,
  },
  {
    'codecompanion\'s event about something else',
    function()
      local nvim = start()
      insert_at_end(nvim)
      nvim:keys('# mine<Esc>')
      nvim:wait('the comment', [[return vim.fn.mode() == 'n' and vim.api.nvim_get_current_line() == '# mine']])
      nvim:lua([[
        local say = require('codecompanion.tool').say
        say({ path = vim.api.nvim_buf_get_name(0), tool = 'claude_code' })
        say({ path = '/nowhere/[x]/main.tf', tool = 'create_file' })
        say({ bufnr = 4711, tool = 'create_file' })
        say({ path = 7 })
        say(nil)
      ]])
      T.eq(nvim:regions(), {})
    end,
  },
  {
    'avante\'s suggestions and its side of a conflict',
    function()
      local nvim = start()
      nvim:lua([[
        local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
        require('avante.suggestion'):new(3, 3, { lines[3], '# by avante' }):accept()
        local conflict = { first = 2, last = 2, ours = { lines[2], '# ours' }, theirs = { lines[2], '# theirs' } }
        require('avante.diff').choose('ours', conflict)
        require('avante.diff').choose('theirs', conflict)
      ]])
      wait_told(nvim, { '# theirs\n', '# by avante' }, 'avante')
    end,
  },
  {
    'none of them is there, or they have changed',
    function()
      local nvim = start({
        lua = [[
          package.preload['copilot.suggestion'] = function() return { accept = 'renamed' } end;
          package.preload['avante.suggestion'] = function() return true end;
          package.preload['minuet.virtualtext'] = function() return { action = 7 } end;
          package.preload['codecompanion.helpers'] = function() error('broken') end
        ]],
      })
      local got = nvim:lua([[
        return {
          type(require('copilot.suggestion')), require('avante.suggestion'), type(require('minuet.virtualtext')),
          pcall(require, 'codecompanion.helpers'), pcall(require, 'copilot.panel'),
        }
      ]])
      T.eq({ got[1], got[2], got[3], got[4] }, { 'table', true, 'table', false })
      T.eq(nvim:said(), '')
    end,
  },
  {
    'what is inserted before the server is there',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE })
      local script, gate = workspace.state .. '/slow', workspace.state .. '/gate'
      T.write(script, ('#!/bin/sh\nuntil [ -e %s ]; do sleep 0.05; done\nexec %s lsp\n'):format(gate, T.countersign))
      vim.uv.fs_chmod(script, tonumber('755', 8))
      local nvim = T.start(workspace, { lua = ('vim.g.countersign = { cmd = { %q } }'):format(script) })
      nvim:open('main.tf')
      nvim:wait('the server that waits', [[return #vim.api.nvim_get_proc_children(vim.fn.getpid()) > 0]])
      insert_at_end(nvim)
      local preview = [[require('supermaven-nvim.completion_preview')]]
      nvim:lua(preview .. '.show(...)' .. preview .. '.on_accept_suggestion()', BLOCK)
      nvim:keys('<Esc>Go')
      nvim:wait('a new line', [[return vim.fn.mode() == 'i' and vim.api.nvim_get_current_line() == '']])
      nvim:lua(preview .. '.show(...)' .. preview .. '.on_accept_suggestion()', '# changed')
      nvim:keys('<Esc>bcwby me<Esc>ggO# mine<Esc>')
      nvim:wait('what was typed', [[return vim.api.nvim_get_current_line() == '# mine' and vim.fn.mode() == 'n']])
      T.write(gate, '')
      wait_told(nvim, { BLOCK }, 'supermaven')
    end,
  },
  {
    'what an assistant fails with is its own, and so is what it returns',
    function()
      local nvim = start()
      local got = nvim:lua([[
        local evidence = require('countersign.evidence')
        local origin = { tool = 't', means = 'chat' }
        local schedule = vim.schedule
        local ok, problem = pcall(evidence.record_scheduled, origin, function() error('oops', 0) end)
        local function three(...) return 1, nil, select('#', ...) end
        return { ok, problem, schedule == vim.schedule, select('#', evidence.record_scheduled(origin, three)),
          (select(3, evidence.record_scheduled(origin, three, nil, nil, 'a', nil))) }
      ]])
      T.eq(got, { false, 'oops', true, 3, 3 })
    end,
  },
  {
    'what somebody else does meanwhile is not an assistant\'s',
    function()
      local nvim = start()
      nvim:lua([[
        -- Another plugin that reacts to a change with one of its own, later.
        vim.api.nvim_buf_attach(0, false, { on_lines = function()
          if not _G.reacted then
            _G.reacted = true
            vim.schedule(function() vim.api.nvim_buf_set_lines(0, 0, 0, false, { '# by another plugin' }) end)
          end
        end })
        local function accept() vim.api.nvim_buf_set_lines(0, -1, -1, false, { '# by the assistant' }) end
        require('countersign.evidence').record_scheduled({ tool = 't', means = 'chat' }, accept, '@of the assistant')
      ]])
      nvim:wait_shaded({ '# by the assistant' })
      nvim:wait('the other plugin', [[return vim.api.nvim_buf_get_lines(0, 0, 1, false)[1] == '# by another plugin']])
      T.eq(nvim:ai_texts(), { '# by the assistant' })
    end,
  },
  {
    'changes that only lay out a text anew are nobody\'s',
    function()
      local nvim = start()
      nvim:lua([[
        require('countersign.evidence').record({ tool = 't', means = 'agent' }, function()
          local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
          vim.api.nvim_buf_set_lines(0, 0, -1, false, { lines[1], '      publicly_accessible   =   false', lines[3], '# new' })
        end)
      ]])
      wait_told(nvim, { '# new' }, 't')
    end,
  },
  {
    'an assistant that is turned off',
    function()
      local nvim = start({ lua = [[vim.g.countersign = { evidence = { minuet = false, paste = false } }]] })
      nvim:lua([[require('minuet.virtualtext').setup()]])
      insert_at_end(nvim)
      nvim:lua([[require('minuet.virtualtext').show('# x')]])
      nvim:keys('<A-a>')
      nvim:wait('the text', [[return vim.api.nvim_get_current_line() == '# x']])
      T.eq(nvim:regions(), {})
    end,
  },
}
