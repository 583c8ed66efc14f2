--- Reviews: a person approves and rejects in a terminal of Neovim, and sees where an approval does not hold any more.
local T = ...

local FILE = 'live/prod/main.tf'
local DATABASE = 'resource "aws_db_instance" "orders" {\n  identifier = "orders"\n  engine     = "postgres"\n}\n'

local function run(workspace, ...)
  local done = T.system({ ... }, { cwd = workspace.root, env = workspace.environment })
  assert(done.code == 0, done.stderr)
  return done.stdout
end

--- Who is at work from now on.
local function is(workspace, name)
  run(workspace, 'git', 'config', 'user.name', name)
  run(workspace, 'git', 'config', 'user.email', name .. '@example.org')
  run(workspace, 'git', 'config', 'user.signingKey', workspace.state .. '/' .. name)
end

local function commit(workspace, message)
  run(workspace, 'git', 'add', '-A')
  run(workspace, 'git', 'commit', '-q', '-m', message)
end

--- A repository in which ann has a database replaced and asks for a review of that. Returns the name of the review, too.
local function asked()
  local workspace = T.workspace({ [FILE] = DATABASE })
  run(workspace, 'git', 'checkout', '-q', '-B', 'main')
  local signers = {}
  for _, name in ipairs({ 'ann', 'bob' }) do
    local key = workspace.state .. '/' .. name
    run(workspace, 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key)
    table.insert(signers, ('%s@example.org namespaces="countersign" %s'):format(name, T.read(key .. '.pub')))
  end
  is(workspace, 'ann')
  T.write(workspace.path('.countersign/allowed_signers'), table.concat(signers))
  commit(workspace, 'Signers')
  run(workspace, 'git', 'checkout', '-q', '-b', 'change')
  T.write(workspace.path(FILE), (DATABASE:gsub('postgres', 'mysql')))
  commit(workspace, 'Use MySQL')
  local said = run(workspace, T.countersign, 'review', 'request', '--why', 'MySQL is cheaper')
  commit(workspace, 'Ask for a review')
  return workspace, assert(said:match('^Requested (%x+) '))
end

--- Neovim with the file in it, once the server has told where the review stands.
local function open(workspace, id, state)
  local nvim = T.start(workspace)
  nvim:open(FILE)
  nvim:attached()
  nvim:wait('the review ' .. state, [[
    local found = require('countersign.reviews').find(...)
    return found and found.review.state == select(2, ...)
  ]], id, state)
  return nvim
end

--- Waits until the terminal says something; it breaks lines anywhere.
local function shows(nvim, part)
  nvim:wait('in the terminal: ' .. part, [[
    local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
    return vim.bo.buftype == 'terminal' and table.concat(lines):find(..., 1, true)
  ]], part)
end

local function answers(nvim, question, answer, then_)
  shows(nvim, question .. '? Type yes:')
  nvim:wait('the mode of the terminal', [[return vim.fn.mode() == 't']])
  nvim:keys(answer .. '<CR>')
  shows(nvim, then_)
  shows(nvim, 'Press Enter to close this.')
  nvim:keys('<CR>')
  nvim:wait('the terminal to go', [[return vim.bo.buftype == '' and vim.fn.mode() == 'n' and vim.fn.winnr('$') == 1]])
end

local function quickfix(nvim)
  nvim:command('Countersign reviews')
  local items = nvim:lua([[return vim.tbl_map(function(i) return { i.lnum, i.type, i.text } end, vim.fn.getqflist())]])
  nvim:command('cclose')
  return items
end

return {
  {
    'who may approves in a terminal, and says why',
    function()
      local workspace, id = asked()
      is(workspace, 'bob')
      local nvim = open(workspace, id, 'waiting')
      local function completed(line)
        return nvim:lua([[return vim.fn.getcompletion(..., 'cmdline')]], line)
      end
      T.eq(completed('Countersign approve '), { id })
      T.eq(completed('Countersign reject ' .. id:sub(1, 3)), { id })
      local item = quickfix(nvim)[1]
      T.eq({ item[1], item[2] }, { 1, 'I' })
      assert(vim.startswith(item[3], ('[%s waits for approval] '):format(id)), item[3])
      assert(vim.endswith(item[3], ', asked by ann <ann@example.org>: MySQL is cheaper'), item[3])
      nvim:command('Countersign reviews ' .. id)
      nvim:wait('the request in full', [[
        return vim.bo.buftype == 'nofile' and table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false)):find('Review ' .. ..., 1, true)
      ]], id)
      nvim:command('close')
      -- Whoever does not type yes has signed nothing.
      nvim:command('Countersign approve')
      answers(nvim, 'Approve this as bob@example.org', 'no', 'it was not approved')
      T.eq(vim.fn.isdirectory(workspace.path('.countersign/reviews/' .. id)), 0)
      nvim:command(('Countersign approve %s tried it on a copy'):format(id))
      answers(nvim, 'Approve this as bob@example.org', 'yes', 'It has all approvals that it needs.')
      local file = vim.fn.glob(workspace.path('.countersign/reviews/' .. id .. '/*.json'))
      local answer = vim.json.decode(T.read(file)).predicate
      T.eq({ answer.decision, answer.why }, { 'approve', 'tried it on a copy' })
      nvim:wait('that it is approved', [[return require('countersign.reviews').find(...).review.state == 'approved']], id)
      assert(quickfix(nvim)[1][3]:find(('[%s approved; approved by bob@example.org]'):format(id), 1, true))
      nvim:command('Countersign approve ' .. id)
      nvim:wait_said('you have approved it')

      -- What ann makes of it then was not approved.
      commit(workspace, 'Bob agrees')
      is(workspace, 'ann')
      nvim:open(FILE)
      nvim:command('%s/mysql/mariadb/')
      nvim:command('write')
      nvim:wait('that the approval does not hold', [[
        for _, d in ipairs(vim.diagnostic.get(0)) do
          if d.message:find('The approval by bob@example.org', 1, true) then return d.lnum == 0 and not d.code end
        end
      ]])
      nvim:wait('that it is void', [[return require('countersign.reviews').find(...).review.state == 'void']], id)
      item = quickfix(nvim)[1]
      T.eq({ item[1], item[2] }, { 1, 'W' })
      assert(item[3]:find('the approval by bob@example.org does not hold any more', 1, true), item[3])
    end,
  },
  {
    'who may not is told why, and a code action is for who may',
    function()
      local workspace, id = asked()
      local nvim = open(workspace, id, 'waiting')
      nvim:command('Countersign approve ' .. id)
      nvim:wait_said('nobody approves what is their own')
      nvim:command('Countersign approve')
      nvim:wait_said('there is no review that you may approve')
      nvim:command('Countersign reject ffff')
      nvim:wait_said('there is no review `ffff`')
      T.eq(nvim:lua([[return vim.bo.buftype]]), '', 'no terminal was opened')
      nvim:command('1')
      nvim:lua([[
        vim.lsp.buf.code_action({ apply = true, filter = function(a)
          return vim.startswith(a.title, 'Reject the review of aws_db_instance.orders')
        end })
      ]])
      answers(nvim, 'Reject this as ann@example.org', 'yes', ('Review %s is rejected by ann@example.org.'):format(id))
      nvim:wait('that it is rejected', [[return require('countersign.reviews').find(...).review.state == 'rejected']], id)
    end,
  },
}
