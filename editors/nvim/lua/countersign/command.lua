--- `:Countersign` and its sub-commands.
local client = require('countersign.client')
local config = require('countersign.config')
local server = require('countersign.server')

local M = {}

local function say(message, level)
  vim.notify('Countersign: ' .. message, level or vim.log.levels.INFO)
end

--- The client of this buffer; where there is none, it is said why.
local function here()
  local connection = client.of(0)
  if not connection then
    say('no server is attached to this buffer. `:checkhealth countersign` says why.', vim.log.levels.WARN)
  end
  return connection
end

--- Runs a command of the server. A refusal is shown; the result is passed on.
local function execute(name, argument, on_result)
  local connection = here()
  if not connection then
    return
  end
  client.request(connection, 'workspace/executeCommand', {
    command = 'countersign.' .. name,
    arguments = argument and { argument } or nil,
  }, function(problem, result)
    if problem then
      say(problem.message, vim.log.levels.WARN)
    elseif on_result and result ~= vim.NIL then
      on_result(result)
    end
  end, 0)
end

--- A whole document, or lines, as the argument of a command. Ranges end with the last line's text.
local function lines_argument(connection, first, last)
  local text = vim.api.nvim_buf_get_lines(0, last - 1, last, false)[1] or ''
  return { uri = vim.uri_from_bufnr(0), range = client.to_range(connection, 0, first - 1, 0, last - 1, #text) }
end

--- The findings on the line of the cursor, the one under it first.
local function findings_here()
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  local found = vim.tbl_filter(function(diagnostic)
    return diagnostic.source == 'countersign' and diagnostic.code
  end, vim.diagnostic.get(0, { lnum = row - 1 }))
  local function distance(diagnostic)
    local inside = byte >= diagnostic.col and (diagnostic.end_lnum > diagnostic.lnum or byte < diagnostic.end_col)
    return inside and 0 or math.abs(diagnostic.col - byte) + 1
  end
  table.sort(found, function(a, b)
    return distance(a) < distance(b)
  end)
  return found
end

--- Does something about a finding on this line: the one under the cursor, or the one that is chosen.
local function with_finding(act)
  local connection = here()
  if not connection then
    return
  end
  local found = findings_here()
  if #found == 0 then
    return say('there is no finding on this line. `]d` goes to the next one.', vim.log.levels.WARN)
  end
  local function chosen(diagnostic)
    if diagnostic then
      local range =
        client.to_range(connection, 0, diagnostic.lnum, diagnostic.col, diagnostic.end_lnum, diagnostic.end_col)
      act({ uri = vim.uri_from_bufnr(0), range = range, risk = diagnostic.code })
    end
  end
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  local first = found[1]
  if #found == 1 or (first.lnum == row - 1 and byte >= first.col and byte < first.end_col) then
    return chosen(first)
  end
  vim.ui.select(found, {
    prompt = 'Which finding?',
    format_item = function(diagnostic)
      return diagnostic.code .. ': ' .. vim.split(diagnostic.message, '\n')[1]
    end,
  }, chosen)
end

--- Shows text in a window of its own.
local function show(title, lines, filetype)
  vim.cmd('botright new')
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype, vim.bo[buffer].bufhidden, vim.bo[buffer].swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable, vim.bo[buffer].filetype = false, filetype or ''
  pcall(vim.api.nvim_buf_set_name, buffer, 'countersign://' .. title)
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer, desc = 'Close' })
end

--- Runs the command line in the folder of this file and shows what it prints.
local function command_line(title, arguments)
  local program = server.program()
  if not program then
    return say(('there is no program `%s`.'):format(config.values.cmd[1]), vim.log.levels.WARN)
  end
  local folder = vim.fn.expand('%:p:h')
  local cwd = vim.fn.isdirectory(folder) == 1 and folder or vim.fn.getcwd()
  vim.system(vim.list_extend({ program }, arguments), { text = true, cwd = cwd }, function(done)
    vim.schedule(function()
      local said = vim.trim((done.stdout or '') .. (done.stderr or ''))
      show(title, vim.split(said ~= '' and said or 'Nothing to show.', '\n'))
    end)
  end)
end

local function rest(arguments, from)
  local text = table.concat(vim.list_slice(arguments.fargs, from), ' ')
  return text ~= '' and text or nil
end

--- The lines that the command was given, or that of the cursor.
local function range_of(arguments)
  if arguments.range > 0 then
    return arguments.line1, arguments.line2
  end
  local row = vim.api.nvim_win_get_cursor(0)[1]
  return row, row
end

local function on_lines(name, extend)
  return function(arguments)
    local connection = here()
    if connection then
      local argument = lines_argument(connection, range_of(arguments))
      execute(name, extend and extend(argument, arguments) or argument, function()
        require('countersign.regions').refresh(vim.api.nvim_get_current_buf())
      end)
    end
  end
end

--- Says what would be found if the text of a register were put at the cursor.
local function check(arguments)
  local connection = here()
  if not connection then
    return
  end
  local register = arguments.fargs[2] or (vim.fn.has('clipboard') == 1 and '+' or '"')
  local info = vim.fn.getreginfo(register)
  local lines = info.regcontents or {}
  if #lines == 0 then
    return say(('the register %s is empty.'):format(register), vim.log.levels.WARN)
  end
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  local text = table.concat(lines, '\n')
  if (info.regtype or 'v'):sub(1, 1) == 'V' then
    -- Whole lines are put below the cursor's.
    row, byte, text = row + 1, 0, text .. '\n'
    if row > vim.api.nvim_buf_line_count(0) then
      row, text = row - 1, '\n' .. text
      byte = #(vim.api.nvim_buf_get_lines(0, row - 1, row, false)[1] or '')
    end
  end
  client.request(connection, 'countersign/checkEdit', {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    edits = { { range = client.to_range(connection, 0, row - 1, byte, row - 1, byte), newText = text } },
    -- Nothing is known about who wrote what is in a register.
    origin = { tool = 'neovim', means = 'paste' },
  }, function(problem, result)
    if problem then
      return say(problem.message, vim.log.levels.WARN)
    end
    if #result.findings == 0 then
      return say('nothing is found in it.')
    end
    local said = { ('If this is put here, the verdict is %s:'):format(result.verdict), '' }
    for _, finding in ipairs(result.findings) do
      table.insert(said, ('- %s (%s): %s'):format(finding.risk, finding.severity, finding.message))
    end
    show('check', said, 'markdown')
  end, 0)
end

--- Shows a request, or puts all of this repository into the quickfix list.
local function reviews(arguments)
  if arguments.fargs[2] then
    return command_line('review', { 'review', 'show', arguments.fargs[2] })
  end
  local root = vim.fs.root(0, { '.countersign', '.git' }) or vim.fn.getcwd()
  local items = require('countersign.reviews').items(root)
  if #items == 0 then
    return say('no review is requested in ' .. vim.fn.fnamemodify(root, ':~') .. '.')
  end
  vim.fn.setqflist({}, ' ', { title = 'Reviews requested', items = items })
  vim.cmd('copen')
end

--- Answers a request in a terminal: the one that is named, else the only one that may be answered so, else one that is chosen.
local function answer(verb)
  return function(arguments)
    local program = server.program()
    if not program then
      return say(('there is no program `%s`.'):format(config.values.cmd[1]), vim.log.levels.WARN)
    end
    local requests = require('countersign.reviews')
    local function chosen(one)
      if not one then
        return
      end
      local why_not = requests.why_not(one.review, verb)
      if why_not then
        return say(('you cannot %s the review %s: %s.'):format(verb, one.review.id, why_not), vim.log.levels.WARN)
      end
      requests.answer(program, one.root, verb, one.review.id, rest(arguments, 3))
    end
    local id = arguments.fargs[2]
    if id then
      local found = requests.find(id)
      if not found then
        return say(('there is no review `%s`; `:Countersign reviews` lists them.'):format(id), vim.log.levels.WARN)
      end
      return chosen(found)
    end
    local open = requests.open(verb)
    if #open == 0 then
      return say(('there is no review that you may %s; `:Countersign reviews` lists them.'):format(verb), vim.log.levels.WARN)
    end
    if #open == 1 then
      return chosen(open[1])
    end
    vim.ui.select(open, {
      prompt = ('Which review do you %s?'):format(verb),
      format_item = function(one)
        return requests.in_words(one.review)
      end,
    }, chosen)
  end
end

--- Completes the names of requests.
local function names(verb)
  return function()
    return require('countersign.reviews').names(verb)
  end
end

local function log(arguments)
  if arguments.fargs[2] == 'server' then
    vim.cmd('tabnew ' .. vim.fn.fnameescape(vim.lsp.log.get_filename()))
  else
    command_line('log', { 'log' })
  end
end

local function explain(arguments)
  if arguments.fargs[2] then
    return execute('explain', { risk = arguments.fargs[2] })
  end
  with_finding(function(argument)
    execute('explain', { risk = argument.risk })
  end)
end

local function shade(arguments)
  local on = arguments.fargs[2]
  if on == nil then
    config.values.shade = not config.values.shade
  else
    config.values.shade = on == 'on'
  end
  require('countersign.regions').redraw()
end

--- @type table<string, { run: fun(arguments: table), what: string, complete?: fun(): string[] }>
local commands = {
  fix = {
    what = 'make the safe change for the finding here',
    run = function()
      with_finding(function(argument)
        execute('fix', argument)
      end)
    end,
  },
  fixall = {
    what = 'make all safe changes of this file',
    run = function()
      local connection = here()
      if connection then
        execute('fixAll', lines_argument(connection, 1, vim.api.nvim_buf_line_count(0)))
      end
    end,
  },
  allow = {
    what = 'accept the finding here, with a reason',
    run = function(arguments)
      with_finding(function(argument)
        argument.reason = rest(arguments, 2)
        execute('suppress', argument)
      end)
    end,
  },
  review = {
    what = 'ask for a review of the finding here, or of the lines given',
    run = function(arguments)
      local function request(argument)
        argument.reason = rest(arguments, 2)
        execute('requestReview', argument)
      end
      if arguments.range == 0 then
        return with_finding(request)
      end
      local connection = here()
      if connection then
        request(lines_argument(connection, range_of(arguments)))
      end
    end,
  },
  reviews = {
    what = 'list the reviews that are requested, or show one: reviews ID',
    run = reviews,
    complete = names(),
  },
  approve = {
    what = 'approve a review, at a terminal: approve ID WHY',
    run = answer('approve'),
    complete = names('approve'),
  },
  reject = {
    what = 'reject a review, at a terminal: reject ID WHY',
    run = answer('reject'),
    complete = names('reject'),
  },
  tag = {
    what = 'say in comments that an AI wrote the lines: tag TOOL MODEL',
    run = on_lines('tagProvenance', function(argument, arguments)
      argument.tool, argument.model = arguments.fargs[2], arguments.fargs[3]
      return argument
    end),
    complete = function()
      return { 'claude', 'codex', 'cursor', 'gemini', 'github-copilot' }
    end,
  },
  human = { what = 'say that a person wrote the lines', run = on_lines('iWroteThis') },
  who = {
    what = 'say who wrote the lines, and how that is known',
    -- The server shows it, too; it is shown once.
    run = on_lines('showOrigin'),
  },
  explain = {
    what = 'show the page of a risk, or of the finding here',
    run = explain,
    complete = function()
      local risks = {}
      for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
        if diagnostic.source == 'countersign' and diagnostic.code then
          risks[diagnostic.code] = true
        end
      end
      return vim.tbl_keys(risks)
    end,
  },
  check = { what = 'look at a register before it is put here', run = check },
  checkworkspace = {
    what = 'look at every file of the workspace',
    run = function()
      execute('checkWorkspace', nil, function(result)
        say(('%d files looked at, %d findings.'):format(result.files, result.findings))
      end)
    end,
  },
  status = {
    what = 'say what an AI wrote that is in no commit yet',
    run = function()
      command_line('status', { 'status' })
    end,
  },
  blame = {
    what = 'say who wrote each line of this file',
    run = function()
      command_line('blame', { 'blame', vim.api.nvim_buf_get_name(0) })
    end,
  },
  log = {
    what = 'list what was recorded, or with `server` what the server wrote',
    run = log,
    complete = function()
      return { 'server' }
    end,
  },
  shade = {
    what = 'turn the shading on or off',
    run = shade,
    complete = function()
      return { 'on', 'off' }
    end,
  },
  restart = {
    what = 'start the server anew',
    run = function()
      server.restart()
    end,
  },
}

--- All sub-commands with what they do, in alphabetical order.
--- @return { name: string, what: string }[]
function M.list()
  local names = vim.tbl_keys(commands)
  table.sort(names)
  return vim.tbl_map(function(name)
    return { name = name, what = commands[name].what }
  end, names)
end

--- What the code actions of the server run here: `countersign.approveReview` and its counterpart.
--- @param verb 'approve' | 'reject'
function M.on_action(verb)
  return function(command)
    local argument = (command.arguments or {})[1] or {}
    M.run({ fargs = { verb, argument.id }, range = 0 })
  end
end

--- Runs the command with what |nvim_create_user_command()| passes.
function M.run(arguments)
  local name = arguments.fargs[1]
  if not name then
    local lines = vim.tbl_map(function(command)
      return ('  %-15s %s'):format(command.name, command.what)
    end, M.list())
    return print(table.concat(lines, '\n'))
  end
  local command = commands[name]
  if not command then
    return say(('there is no command `%s`; `:Countersign` lists them.'):format(name), vim.log.levels.WARN)
  end
  command.run(arguments)
end

--- Completes the command line.
function M.complete(lead, line)
  local words = vim.split(line:gsub('^.-Countersign%s+', ''), '%s+')
  local candidates = {}
  if #words <= 1 then
    candidates = vim.tbl_keys(commands)
  elseif #words == 2 and commands[words[1]] and commands[words[1]].complete then
    candidates = commands[words[1]].complete()
  end
  table.sort(candidates)
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates)
end

return M
