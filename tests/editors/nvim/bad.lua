--- Bad input: what is wrong is said once, and Neovim goes on.
local T = ...

--- A program in a folder of its own, in place of the server.
local function program(workspace, script)
  local path = workspace.state .. '/bin/countersign'
  T.write(path, '#!/bin/sh\n' .. script)
  vim.uv.fs_chmod(path, tonumber('755', 8))
  return path
end

local function cmd(path, more)
  return ('vim.g.countersign = vim.tbl_extend("force", { cmd = { %q, "lsp" } }, %s)'):format(path, more or '{}')
end

local function count_said(nvim, part)
  local count = 0
  for _, message in ipairs(nvim:lua('return _G.said')) do
    count = count + (message:find(part, 1, true) and 1 or 0)
  end
  return count
end

return {
  {
    'no program',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC, ['other.tf'] = T.SAFE })
      local nvim = T.start(workspace, { lua = cmd('/nowhere/countersign') })
      nvim:open('main.tf')
      nvim:wait_said('there is no program `/nowhere/countersign` on the path, so nothing is checked')
      nvim:open('other.tf')
      T.eq(count_said(nvim, 'there is no program'), 1)
      nvim:command('checkhealth countersign')
      assert(nvim:text():find('ERROR There is no program `/nowhere/countersign`', 1, true), nvim:text())
      nvim:open('main.tf')
      -- It comes to be there.
      nvim:lua([[require('countersign').setup({}) vim.cmd('Countersign restart')]])
      nvim:wait_findings({ '2:database-public' })
    end,
  },
  {
    'a server of another version',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC })
      -- The real one, which says another version of itself.
      local path = program(workspace, ([[
if [ "$1" = --version ]; then echo countersign 9.4.2; exit; fi
exec python3 -u -c '
import re, subprocess, sys, threading
server = subprocess.Popen([sys.argv[1], "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def up():
    while data := sys.stdin.buffer.read1(65536): server.stdin.write(data); server.stdin.flush()
    server.stdin.close()
threading.Thread(target=up, daemon=True).start()
while data := server.stdout.read1(65536):
    sys.stdout.buffer.write(re.sub(rb"(\"name\":\"countersign\",\"version\":\")[0-9.]{5}", rb"\g<1>9.4.2", data)); sys.stdout.buffer.flush()
' %s
]]):format(T.countersign))
      local nvim = T.start(workspace, { lua = cmd(path) })
      nvim:open('main.tf')
      nvim:wait_said('the server is version 9.4.2 and this plugin belongs to 0.1.')
      nvim:wait_findings({ '2:database-public' })
      nvim:command('checkhealth countersign')
      assert(nvim:text():find('WARN.*version 9%.4%.2'), nvim:text())
    end,
  },
  {
    'a server that crashes in a loop',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC })
      local path = program(workspace, ('echo started >> %s/starts; exit 3\n'):format(workspace.state))
      local nvim = T.start(workspace, { lua = cmd(path, '{ restart_delay = 1, max_crashes = 3 }') })
      nvim:open('main.tf')
      nvim:wait_said('the server ended with code 3, 3 times in a short while. It stays away now')
      T.eq(count_said(nvim, 'It is started again in'), 2)
      T.eq(T.read(workspace.state .. '/starts'), ('started\n'):rep(3))
      -- Opening more does not start it.
      nvim:command('edit! | edit! | new ' .. workspace.path('main.tf'))
      T.eq(T.read(workspace.state .. '/starts'), ('started\n'):rep(3))
      T.eq(nvim:lua([[return require('countersign').status()]]), 'countersign: stopped')
      -- The user asks for it.
      nvim:command('Countersign restart')
      nvim:wait('more crashes', [[
        local count = 0
        for _, message in ipairs(_G.said) do count = count + (message:find('It stays away now') and 1 or 0) end
        return count == 2
      ]])
    end,
  },
  {
    'a program that is no language server',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC })
      local nvim = T.start(workspace, { lua = cmd(program(workspace, 'cat >/dev/null; exit 0')) })
      nvim:open('main.tf')
      nvim:keys('Gotyped on<Esc>')
      nvim:wait('the text', [[return vim.fn.mode() == 'n' and vim.api.nvim_get_current_line() == 'typed on']])
    end,
  },
  {
    'no git',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE }, { git = false })
      -- A path without git on it.
      vim.fn.mkdir(workspace.state .. '/bin', 'p')
      for _, name in ipairs({ 'sh', 'cat' }) do
        vim.uv.fs_symlink(vim.fn.exepath(name), workspace.state .. '/bin/' .. name)
      end
      workspace.environment.PATH = workspace.state .. '/bin'
      local nvim = T.start(workspace, { lua = cmd(T.countersign) })
      nvim:open('main.tf')
      nvim:attached()
      nvim:keys('Go')
      nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
      nvim:lua([[require('supermaven-nvim.completion_preview').show(...)]], T.FORCE:sub(1, -2))
      nvim:lua([[require('supermaven-nvim.completion_preview').on_accept_suggestion()]])
      nvim:keys('<Esc>')
      nvim:wait_findings({ '5:force-destroy' })
      nvim:wait_shaded({ (T.FORCE:sub(1, -2)) })
      -- Known after all is closed and opened again.
      nvim:command('write')
      nvim:command('bdelete')
      nvim:open('main.tf')
      nvim:wait_shaded({ (T.FORCE:sub(1, -2)) })
      T.eq(nvim:lua('return #vim.lsp.get_clients()'), 1, 'one server for all files that are in no project')
      nvim:command('checkhealth countersign')
      assert(nvim:text():find('There is no git', 1, true), nvim:text())
    end,
  },
  {
    'a folder that cannot be written to',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC })
      T.system({ 'chmod', '-R', 'a-w', workspace.root })
      local nvim = T.start(workspace)
      nvim:open('main.tf')
      nvim:wait_findings({ '2:database-public' })
      nvim:command('2 | Countersign review')
      -- Root may write anywhere.
      if vim.uv.getuid() == 0 then
        nvim:wait_said('The review request was written to')
      else
        nvim:wait_said('The request could not be written to')
      end
    end,
  },
  {
    'a file outside of any folder, and one without a name',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC }, { git = false })
      local nvim = T.start(workspace)
      nvim:open('main.tf')
      nvim:wait_findings({ '2:database-public' })
      T.eq(nvim:lua([[return require('countersign.client').of(0).config.root_dir]]), vim.NIL)
      nvim:command('enew')
      nvim:command('setfiletype terraform')
      nvim:lua([[vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(..., '\n'))]], (T.FORCE:sub(1, -2)))
      T.eq(nvim:lua([[return #vim.lsp.get_clients({ bufnr = 0 })]]), 0)
      nvim:command('write new.tf')
      nvim:wait_findings({ '2:force-destroy' })
    end,
  },
  {
    'settings of the wrong type',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC })
      local nvim = T.start(workspace, {
        lua = [[vim.g.countersign = { cmd = 'countersign', signs = 'yes', evidence = { paste = 1, nobody = true }, restart_delay = -1, filetypes = { 7 }, shades = false }]],
      })
      nvim:open('main.tf')
      nvim:wait_findings({ '2:database-public' })
      for _, part in ipairs({
        '`cmd` must be a list of strings and is "countersign"; the default is used.',
        '`signs` must be true or false and is "yes"',
        '`evidence.paste` must be true or false and is 1',
        'there is no setting `evidence.nobody`',
        '`restart_delay` must be a number that is not negative and is -1',
        '`filetypes` must be a list of strings',
        'there is no setting `shades`',
      }) do
        nvim:wait_said(part)
      end
      nvim:lua([[require('countersign').setup('all')]])
      nvim:wait_said('The settings must be a table and are string')
      nvim:wait_findings({ '2:database-public' })
    end,
  },
  {
    'two Neovims on one repository',
    function()
      local workspace = T.workspace({ ['main.tf'] = T.SAFE })
      local first, second = T.start(workspace), T.start(workspace)
      first:open('main.tf')
      second:open('main.tf')
      first:attached()
      second:attached()
      first:keys('Go')
      first:wait('insert mode', [[return vim.fn.mode() == 'i']])
      first:lua([[require('supermaven-nvim.completion_preview').show(...)]], T.FORCE:sub(1, -2))
      first:lua([[require('supermaven-nvim.completion_preview').on_accept_suggestion()]])
      first:keys('<Esc>')
      first:wait_shaded({ (T.FORCE:sub(1, -2)) })
      first:command('write')
      first:settle()
      second:command('checktime')
      second:wait_findings({ '5:force-destroy' })
      -- What the first knew is on disk when its server has ended, for which Neovim does not wait.
      pcall(vim.rpcnotify, first.channel, 'nvim_command', 'qall!')
      T.eq(vim.fn.jobwait({ first.channel }, 10000), { 0 })
      T.written_down(workspace)
      second:command('edit')
      second:wait_shaded({ (T.FORCE:sub(1, -2)) })
    end,
  },
  {
    'the three lines without the plugin',
    function()
      if not T.has_11 then
        return 'Neovim 0.10 has no vim.lsp.config'
      end
      local page = T.read(T.repository .. '/docs/editors/neovim.md')
      local lines = assert(page:match('<!%-%- three lines %-%->\n```lua\n(.-)```'), 'docs/editors/neovim.md has the lines')
      T.eq(select(2, lines:gsub('\n', '')), 3)
      local workspace = T.workspace({ ['main.tf'] = T.PUBLIC })
      local nvim = T.start(workspace, { plugin = false, lua = lines:gsub('%-%-[^\n]*', '') })
      nvim:open('main.tf')
      nvim:wait_findings({ '2:database-public' })
      nvim:lua([[
        vim.api.nvim_win_set_cursor(0, { 2, 25 })
        vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.isPreferred end })
      ]])
      nvim:wait_findings({})
      T.eq(nvim:text(), (T.PUBLIC:gsub('true', 'false')))
    end,
  },
}
