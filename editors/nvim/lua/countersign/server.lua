--- Starts the server, starts it again after a crash, and gives up in time.
local client = require('countersign.client')
local config = require('countersign.config')

local M = {}

--- Version of the server that this plugin belongs to. Others with the same first two numbers will do.
M.WANTED = '0.1.0'

-- Crashes that are this long ago do not count any more, in milliseconds.
local FORGIVEN_AFTER = 180000

-- By the types of messages of the protocol.
local LEVELS = { vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO, vim.log.levels.DEBUG }

local crashes = {} --- @type number[]
local gave_up = false
local said = {} --- @type table<string, boolean>

--- Says something once.
local function say(message, level)
  if not said[message] then
    said[message] = true
    vim.notify('Countersign: ' .. message, level or vim.log.levels.WARN)
  end
end

--- The program that the settings name, if it can be run.
--- @return string?
function M.program()
  local path = vim.fn.exepath(config.values.cmd[1])
  return path ~= '' and path or nil
end

--- Why a version of the server is not the one wanted; nil where it is.
--- @param version? string
function M.version_problem(version)
  local found = vim.version.parse(version or '')
  local wanted = assert(vim.version.parse(M.WANTED))
  if not found then
    return ('the server does not say its version; this plugin belongs to %s'):format(M.WANTED)
  end
  if found.major ~= wanted.major or found.minor ~= wanted.minor then
    return ('the server is version %s and this plugin belongs to %s; some of it may not work, so update the older of the two'):format(
      version,
      M.WANTED
    )
  end
end

local function may_start()
  if gave_up then
    return false
  end
  if not M.program() then
    say(
      ('there is no program `%s` on the path, so nothing is checked. Install it (`cargo install --path server`) or set `cmd`; then `:Countersign restart`.'):format(
        config.values.cmd[1]
      )
    )
    return false
  end
  return true
end

-- Name of the file with the settings of a project.
local SETTINGS = 'countersign.toml'

local function is_file(buffer)
  -- Neovim shows diagnostics of a buffer without a name in another one.
  return vim.api.nvim_buf_is_loaded(buffer)
    and vim.bo[buffer].buftype == ''
    and vim.api.nvim_buf_get_name(buffer) ~= ''
end

local function is_settings(buffer)
  local name = vim.fs.normalize(vim.api.nvim_buf_get_name(buffer))
  -- A risk of the project's own says what is looked for, as the settings do.
  return vim.fs.basename(name) == SETTINGS or name:find('/%.countersign/risks/[^/]+%.md$') ~= nil
end

local function wants(buffer)
  return is_file(buffer)
    and (is_settings(buffer) or vim.tbl_contains(config.values.filetypes, vim.bo[buffer].filetype))
end

--- Whether the settings of a file's project name tiers at all. Only then is it worth asking the server about files of other
--- languages.
local function has_tiers(buffer)
  local folder = vim.fs.dirname(vim.api.nvim_buf_get_name(buffer))
  local path = vim.fs.find(SETTINGS, { path = folder, upward = true, type = 'file' })[1]
  local file = path and io.open(path)
  if not file then
    return false
  end
  local text = file:read('*a')
  file:close()
  return text:find('%[%[%s*tier%s*%]%]') ~= nil
end

local function root_of(buffer)
  return vim.fs.root(buffer, config.values.root_markers)
end

local function on_exit(code, signal, id)
  vim.schedule(function()
    require('countersign.reviews').forget(id)
  end)
  -- SIGTERM is how it is told to end; nothing crashes by it.
  local asked = (code == 0 and signal == 0) or signal == 15
  if asked or vim.v.exiting ~= vim.NIL then
    return
  end
  local now = vim.uv.now()
  crashes = vim.tbl_filter(function(at)
    return now - at < FORGIVEN_AFTER
  end, crashes)
  table.insert(crashes, now)
  local how = signal ~= 0 and ('by signal ' .. signal) or ('with code ' .. code)
  vim.schedule(function()
    if #crashes >= config.values.max_crashes then
      gave_up = true
      vim.notify(
        ('Countersign: the server ended %s, %d times in a short while. It stays away now, and nothing is checked. `:Countersign log server` shows what it wrote; `:Countersign restart` tries again.'):format(
          how,
          #crashes
        ),
        vim.log.levels.ERROR
      )
      return
    end
    local delay = config.values.restart_delay * 2 ^ (#crashes - 1)
    vim.notify(
      ('Countersign: the server ended %s. It is started again in %.1f s.'):format(how, delay / 1000),
      vim.log.levels.WARN
    )
    vim.defer_fn(function()
      if not gave_up then
        M.start_all()
      end
    end, delay)
  end)
end

--- What `vim.lsp.start` is given.
local function client_config()
  return {
    name = client.NAME,
    cmd = config.values.cmd,
    filetypes = config.values.filetypes,
    on_exit = on_exit,
    handlers = {
      -- Neovim's own handler writes to the command line and waits for a key where a message is long.
      ['window/showMessage'] = function(_, message)
        vim.notify('Countersign: ' .. message.message, LEVELS[message.type] or vim.log.levels.INFO)
      end,
      -- Where the requests for reviews of a repository stand.
      ['countersign/reviews'] = function(_, params, context)
        require('countersign.reviews').tell(params, context.client_id)
      end,
      -- The server asks for this whenever it has come to know more about who wrote what.
      ['workspace/inlayHint/refresh'] = function(...)
        require('countersign.regions').refresh_all()
        return vim.lsp.handlers['workspace/inlayHint/refresh'](...)
      end,
    },
    before_init = function(params)
      -- Approving opens a terminal here.
      local own = { commands = { 'countersign.approveReview', 'countersign.rejectReview' }, reviews = true }
      local experimental = vim.tbl_extend('force', params.capabilities.experimental or {}, { countersign = own })
      params.capabilities = vim.tbl_extend('force', params.capabilities, { experimental = experimental })
    end,
    on_init = function(_, result)
      local problem = M.version_problem(vim.tbl_get(result or {}, 'serverInfo', 'version'))
      if problem then
        say(problem)
      end
    end,
  }
end

--- Whether a running server is the one for files that are in no project: Neovim 0.10 would start one for each of them.
local function is_of_no_project(running, wanted)
  local is_same = running.name == wanted.name and not running.config.root_dir and not wanted.root_dir
  return is_same and not client.is_stopped(running)
end

--- What the server for a buffer is started with.
local function start_config(buffer)
  -- What a user adds with `vim.lsp.config('countersign', …)` counts.
  local started = vim.lsp.config and vim.deepcopy(vim.lsp.config[client.NAME]) or client_config()
  started.name, started.root_dir = client.NAME, root_of(buffer)
  started.cmd = started.cmd or config.values.cmd
  return started
end

--- The running server for a buffer's root, or one that is started and that no buffer is joined to yet.
local function beside(buffer)
  local wanted = start_config(buffer)
  for _, running in ipairs(client.all()) do
    if running.config.root_dir == wanted.root_dir and not client.is_stopped(running) then
      return running
    end
  end
  local id
  if vim.fn.has('nvim-0.11') == 1 then
    id = vim.lsp.start(wanted, { attach = false })
  else
    id = vim.lsp.start_client(wanted)
  end
  return id and vim.lsp.get_client_by_id(id)
end

--- Runs something once the server has said what it can do, or never.
local function when_ready(running, run, tries)
  if running.initialized then
    return run()
  end
  if not client.is_stopped(running) and (tries or 0) < 200 then
    vim.defer_fn(function()
      when_ready(running, run, (tries or 0) + 1)
    end, 50)
  end
end

--- Joins a buffer of another language to the server where the team calls its file critical.
local function join_critical(buffer)
  if not is_file(buffer) or client.of(buffer) or not has_tiers(buffer) or not may_start() then
    return
  end
  local running = beside(buffer)
  if not running then
    return
  end
  local params = { textDocument = { uri = vim.uri_from_bufnr(buffer) } }
  when_ready(running, function()
    client.request(running, 'countersign/isCritical', params, function(problem, answer)
      if problem or not answer.critical or not vim.api.nvim_buf_is_loaded(buffer) or client.of(buffer) then
        return
      end
      require('countersign.changes').follow(buffer)
      vim.lsp.buf_attach_client(buffer, running.id)
    end)
  end)
end

--- Starts the server for a buffer, or joins it to the one that runs for the same root.
function M.start(buffer)
  if not wants(buffer) then
    return join_critical(buffer)
  end
  if client.of(buffer) or not may_start() then
    return
  end
  -- An assistant may insert something before the server is there.
  require('countersign.changes').follow(buffer)
  local started = start_config(buffer)
  vim.lsp.start(started, { bufnr = buffer, reuse_client = not started.root_dir and is_of_no_project or nil })
end

--- Starts it for every buffer that wants it.
function M.start_all()
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    M.start(buffer)
  end
end

--- Stops it, forgets its crashes and starts it anew.
function M.restart()
  crashes, gave_up, said = {}, false, {}
  local running = client.all()
  for _, each in ipairs(running) do
    client.stop(each)
  end
  local tries = 0
  local function when_gone()
    tries = tries + 1
    local left = client.all()
    if #left > 0 and tries < 100 then
      return vim.defer_fn(when_gone, 20)
    end
    for _, each in ipairs(left) do
      client.stop(each, true)
    end
    M.start_all()
  end
  when_gone()
end

function M.gave_up()
  return gave_up
end

function M.setup()
  crashes, gave_up = {}, false
  for name, verb in pairs({ approveReview = 'approve', rejectReview = 'reject' }) do
    vim.lsp.commands['countersign.' .. name] = require('countersign.command').on_action(verb)
  end
  if vim.lsp.config then
    vim.lsp.config(client.NAME, client_config())
  end
  local group = vim.api.nvim_create_augroup('countersign.server', {})
  if not config.values.autostart then
    return
  end
  -- A buffer that gets its name when it is written has its type already.
  vim.api.nvim_create_autocmd({ 'FileType', 'BufFilePost', 'BufWritePost' }, {
    group = group,
    callback = function(event)
      M.start(event.buf)
      if event.event == 'BufWritePost' and is_settings(event.buf) then
        -- They may call other files critical now.
        M.start_all()
      end
    end,
  })
  -- A file whose type Neovim does not know.
  vim.api.nvim_create_autocmd('BufReadPost', {
    group = group,
    callback = function(event)
      if vim.bo[event.buf].filetype == '' then
        M.start(event.buf)
      end
    end,
  })
  M.start_all()
end

return M
