--- Drives a Neovim of its own for each test: keys go in as a terminal's would, and what is on its screen, in its buffers
--- and on disk is waited for.
local T = {}

local here = vim.fs.dirname(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p'))
T.repository = vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(here)))
T.nvim = assert(os.getenv('TEST_NVIM'), 'TEST_NVIM names the Neovim to be tested')
T.countersign = assert(os.getenv('COUNTERSIGN'), 'COUNTERSIGN names the server to be tested')

T.version = vim.system({ T.nvim, '--version' }, { text = true }):wait().stdout:match('v(%d+%.%d+%.%d+)')
T.has_11 = vim.version.ge(T.version, '0.11.0')

--- How long anything is waited for before the test fails, in milliseconds.
local PATIENCE = 20000

-- Each has one finding, on `true`: database-public, which is critical, and force-destroy, which is high.
T.PUBLIC = 'resource "aws_lightsail_database" "db" {\n  publicly_accessible = true\n}\n'
T.FORCE = 'resource "aws_route53_zone" "logs" {\n  force_destroy = true\n}\n'
-- Has none.
T.SAFE = 'resource "aws_lightsail_database" "safe" {\n  publicly_accessible = false\n}\n'

local function write(path, text)
  vim.fn.mkdir(vim.fs.dirname(path), 'p')
  local file = assert(io.open(path, 'wb'))
  file:write(text)
  file:close()
end
T.write = write

function T.read(path)
  local file = io.open(path, 'rb')
  if not file then
    return nil
  end
  local text = file:read('*a')
  file:close()
  return text
end

function T.system(command, options)
  local done = vim.system(command, vim.tbl_extend('force', { text = true }, options or {})):wait(PATIENCE)
  return done
end

local temporary = {}

--- A folder, a repository unless `options.git` is false, with files in it that are committed.
function T.workspace(files, options)
  options = options or {}
  local folder = vim.uv.fs_realpath(vim.uv.fs_mkdtemp('/tmp/countersign-nvim-XXXXXX'))
  table.insert(temporary, folder)
  local workspace = { root = folder .. '/work', state = folder .. '/state' }
  vim.fn.mkdir(workspace.root, 'p')
  vim.fn.mkdir(workspace.state, 'p')
  workspace.environment = {
    PATH = vim.fs.dirname(T.countersign) .. ':' .. os.getenv('PATH'),
    HOME = folder,
    XDG_STATE_HOME = workspace.state,
    XDG_CONFIG_HOME = folder .. '/config',
    XDG_DATA_HOME = folder .. '/data',
    XDG_CACHE_HOME = folder .. '/cache',
    GIT_CONFIG_GLOBAL = '/dev/null',
    GIT_CONFIG_NOSYSTEM = '1',
    LC_ALL = 'C.UTF-8',
  }
  function workspace.path(name)
    return workspace.root .. '/' .. name
  end
  for name, text in pairs(files or {}) do
    write(workspace.path(name), text)
  end
  if options.git ~= false then
    local function git(...)
      local done = T.system({ 'git', '-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', ... }, {
        cwd = workspace.root,
        env = workspace.environment,
      })
      assert(done.code == 0, done.stderr)
    end
    git('init', '-q')
    git('config', 'user.name', 'Ann')
    git('config', 'user.email', 'ann@example.org')
    git('add', '-A')
    git('commit', '-q', '--allow-empty', '-m', 'start')
  end
  return workspace
end

local Child = {}
Child.__index = Child
local children = {}

--- Starts Neovim in a workspace. `options.plugin = false` leaves our plugin out; `options.lua` runs before plugins.
function T.start(workspace, options)
  options = options or {}
  local command = { T.nvim, '--embed', '--headless', '-n', '--clean' }
  local function before(what)
    vim.list_extend(command, { '--cmd', what })
  end
  before('set runtimepath^=' .. here .. '/fake')
  if options.plugin ~= false then
    before('set runtimepath^=' .. T.repository .. '/editors/nvim')
  end
  -- Messages are kept where the test can read them, and nothing waits for a key.
  before([[lua _G.said = {}; vim.notify = function(m, l) table.insert(_G.said, m) end; vim.o.more = false; vim.o.shortmess = vim.o.shortmess .. 'I']])
  if options.lua then
    before('lua ' .. options.lua:gsub('\n', ' '))
  end
  local environment = vim.tbl_extend('force', workspace.environment, options.environment or {})
  local channel = vim.fn.jobstart(command, { rpc = true, cwd = options.cwd or workspace.root, env = environment })
  assert(channel > 0, 'Neovim does not start')
  local child = setmetatable({ channel = channel, workspace = workspace }, Child)
  table.insert(children, child)
  -- As a terminal would: only then are keys read and events of the screen sent.
  vim.rpcrequest(channel, 'nvim_ui_attach', 100, 30, {})
  return child
end

--- Calls a function of its API. One that never answers is stopped, for the call itself would wait for ever.
function Child:call(...)
  local limit = vim.defer_fn(function()
    vim.fn.jobstop(self.channel)
  end, 2 * PATIENCE)
  local done = { pcall(vim.rpcrequest, self.channel, ...) }
  if not limit:is_closing() then
    limit:close()
  end
  if not done[1] then
    error(done[2], 2)
  end
  return done[2]
end

function Child:lua(code, ...)
  -- A prompt would keep it from answering for ever.
  local is_blocked = true
  vim.wait(PATIENCE, function()
    is_blocked = self:call('nvim_get_mode').blocking
    return not is_blocked
  end, 10)
  assert(not is_blocked, 'Neovim waits for a key')
  return self:call('nvim_exec_lua', code, { ... })
end

function Child:keys(keys)
  self:call('nvim_input', keys)
end

function Child:command(command)
  self:call('nvim_command', command)
end

--- Waits until a piece of Lua returns something that is true, and returns it.
function Child:wait(what, code, ...)
  local arguments = { ... }
  local result
  local ok = vim.wait(PATIENCE, function()
    result = self:lua(code, unpack(arguments))
    return result and result ~= vim.NIL
  end, 10)
  if not ok then
    error(('timed out waiting for %s\n%s'):format(what, self:state()), 2)
  end
  return result
end

--- What a failed test shows.
function Child:state()
  local ok, state = pcall(function()
    return self:lua([[return vim.inspect({
      text = vim.api.nvim_buf_get_lines(0, 0, 60, false), mode = vim.fn.mode(), said = _G.said,
      diagnostics = vim.tbl_map(function(d) return { d.lnum, d.col, d.code } end, vim.diagnostic.get()),
      regions = package.loaded['countersign.regions'] and require('countersign.regions').of(0),
      clients = vim.tbl_map(function(c) return c.name end, vim.lsp.get_clients()),
    })]])
  end)
  return ok and state or 'Neovim does not answer'
end

function Child:open(name)
  self:command('edit ' .. vim.fn.fnameescape(self.workspace.path(name)))
end

function Child:text()
  return self:lua([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n') .. '\n']])
end

function Child:said()
  return table.concat(self:lua('return _G.said'), '\n')
end

function Child:wait_said(part)
  self:wait('the message: ' .. part, [[return table.concat(_G.said, '\n'):find(..., 1, true)]], part)
end

function Child:attached()
  self:wait('the server', [[local c = require('countersign.client').of(0) return c ~= nil]])
end

--- Waits until these are the findings, as "line:risk" in order, lines counted from one.
function Child:wait_findings(expected)
  self:wait('the findings ' .. vim.inspect(expected), [[
    local found = {}
    for _, d in ipairs(vim.diagnostic.get(0)) do
      if d.source == 'countersign' then table.insert(found, (d.lnum + 1) .. ':' .. d.code) end
    end
    table.sort(found)
    return vim.deep_equal(found, ...)
  ]], expected)
end

--- Waits until the shaded text is this, one entry a stretch of it.
function Child:wait_shaded(expected)
  self:wait('the shading of ' .. vim.inspect(expected), [[
    local marks = vim.api.nvim_buf_get_extmarks(0, require('countersign.regions').NAMESPACE, 0, -1, { details = true })
    local texts, row, byte = {}, -1, -1
    for _, mark in ipairs(marks) do
      local details = mark[4]
      if details.hl_group then
        local text = table.concat(vim.api.nvim_buf_get_text(0, mark[2], mark[3], details.end_row, details.end_col, {}), '\n')
        if mark[2] == row and mark[3] == byte then
          texts[#texts] = texts[#texts] .. text
        else
          table.insert(texts, text)
        end
        row, byte = details.end_row, details.end_col
      end
    end
    return vim.deep_equal(texts, ...)
  ]], expected)
end

--- Waits until the lines with a sign are these, counted from one.
function Child:wait_signs(expected)
  self:wait('signs ' .. vim.inspect(expected), [[
    local marks = vim.api.nvim_buf_get_extmarks(0, require('countersign.regions').NAMESPACE, 0, -1, { details = true })
    local rows = {}
    for _, mark in ipairs(marks) do
      if mark[4].sign_text then table.insert(rows, mark[2] + 1) end
    end
    return vim.deep_equal(rows, ...)
  ]], expected)
end

--- Asks the server itself who wrote what: `{ by, authority, text }` for each region.
function Child:regions()
  return self:lua([[
    local c = require('countersign.client')
    local result
    c.request(c.of(0), 'countersign/regions', { textDocument = { uri = vim.uri_from_bufnr(0) } }, function(e, r) result = e or r end, 0)
    vim.wait(10000, function() return result end, 5)
    return vim.tbl_map(function(region)
      local a, b, d, e = c.from_range(c.of(0), 0, region.range)
      return { by = region.origin.by, tool = region.origin.tool, authority = region.origin.authority,
        text = table.concat(vim.api.nvim_buf_get_text(0, a, b, d, e, {}), '\n') }
    end, result)
  ]])
end

function Child:ai_texts()
  local texts = {}
  for _, region in ipairs(self:regions()) do
    if region.by == 'ai' then
      table.insert(texts, region.text)
    end
  end
  return texts
end

--- Everything that was sent to the server has been read and answered.
function Child:settle()
  self:regions()
end

--- Waits until who wrote what is on disk.
function T.written_down(workspace)
  local state = workspace.path('.git/countersign/attribution/*.json')
  assert(vim.wait(10000, function()
    return vim.fn.glob(state) ~= ''
  end, 10), 'who wrote what is on disk')
end

function T.eq(actual, expected, what)
  if not vim.deep_equal(actual, expected) then
    error(('%s\n  is       %s\n  expected %s'):format(what or 'not equal', vim.inspect(actual), vim.inspect(expected)), 2)
  end
end

--- Calls the hook of Claude Code in a workspace, as Claude Code does around an edit.
function T.claude(workspace, event, call, old, new)
  local payload = vim.json.encode({
    session_id = 's1',
    transcript_path = '',
    cwd = workspace.root,
    hook_event_name = event,
    tool_name = 'Edit',
    tool_use_id = call,
    tool_input = { file_path = workspace.path('main.tf'), old_string = old, new_string = new },
  })
  local done = T.system({ T.countersign, 'hook', 'claude-code' }, {
    cwd = workspace.root,
    env = workspace.environment,
    stdin = payload,
  })
  assert(done.code == 0 and done.stderr == '', done.stderr)
end

--- Claude Code replaces a text of main.tf on disk.
function T.claude_edits(workspace, call, old, new)
  T.claude(workspace, 'PreToolUse', call, old, new)
  local text = T.read(workspace.path('main.tf'))
  local from, to = text:find(old, 1, true)
  write(workspace.path('main.tf'), text:sub(1, from - 1) .. new .. text:sub(to + 1))
  T.claude(workspace, 'PostToolUse', call, old, new)
end

local function stop_all()
  for _, child in ipairs(children) do
    pcall(vim.rpcnotify, child.channel, 'nvim_command', 'qall!')
    if vim.fn.jobwait({ child.channel }, 3000)[1] == -1 then
      vim.fn.jobstop(child.channel)
    end
  end
  children = {}
  for _, folder in ipairs(temporary) do
    T.system({ 'chmod', '-R', 'u+w', folder })
    vim.fn.delete(folder, 'rf')
  end
  temporary = {}
end

--- Runs tests, `{ name, function }` each, and says how each of them went. One that returns why it cannot be run is skipped.
function T.run(suite, tests, filter)
  local counts = { passed = 0, failed = 0, skipped = 0 }
  for _, test in ipairs(tests) do
    local name, run = unpack(test)
    if not filter or name:find(filter, 1, true) then
      local ok, problem = xpcall(run, function(message)
        return debug.traceback(message, 2)
      end)
      stop_all()
      if ok and problem then
        counts.skipped = counts.skipped + 1
        print(('SKIPPED %s: %s: %s\n'):format(suite, name, problem))
      elseif ok then
        counts.passed = counts.passed + 1
        print(('ok   %s: %s\n'):format(suite, name))
      else
        counts.failed = counts.failed + 1
        print(('FAIL %s: %s\n%s\n'):format(suite, name, problem))
      end
    end
  end
  return counts
end

return T
