--- `:checkhealth countersign`
local client = require('countersign.client')
local config = require('countersign.config')
local evidence = require('countersign.evidence')
local server = require('countersign.server')

local M = {}

local health = vim.health

local function check_program()
  health.start('Server')
  local program = server.program()
  if not program then
    return health.error(('There is no program `%s` on the path.'):format(config.values.cmd[1]), {
      'Install it: `cargo install --path server` in a copy of Countersign.',
      'Or name it: require("countersign").setup({ cmd = { "/path/to/countersign", "lsp" } })',
    })
  end
  health.ok('Found: ' .. program)
  local ok, done = pcall(function()
    return vim.system({ program, '--version' }, { text = true }):wait(5000)
  end)
  local version = ok and done.code == 0 and vim.trim(done.stdout):match('^countersign%s+(%S+)$')
  local problem = server.version_problem(version or nil)
  if problem then
    health.warn('Version: ' .. problem .. '.')
  else
    health.ok('Version ' .. version)
  end
  if server.gave_up() then
    health.error('It crashed too often and stays away.', { '`:Countersign log server` shows what it wrote.', '`:Countersign restart` tries again.' })
  end
end

local function check_clients()
  health.start('Buffers')
  local buffers = 0
  for _, connection in ipairs(client.all()) do
    local root = connection.config.root_dir
    for buffer in pairs(connection.attached_buffers) do
      buffers = buffers + 1
      local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':~:.')
      health.ok(('%s, %s'):format(name, root and 'in ' .. vim.fn.fnamemodify(root, ':~') or 'outside of any project'))
    end
  end
  if buffers == 0 then
    health.info('No open buffer is looked at. File types: ' .. table.concat(config.values.filetypes, ', '))
  end
end

local function check_evidence()
  health.start('Who wrote what')
  for _, name in ipairs(require('countersign.assistants').names) do
    local assistant = require('countersign.assistants.' .. name)
    local is_there = assistant.is_there and assistant.is_there()
    for _, module in ipairs(assistant.modules) do
      is_there = is_there or package.loaded[module] ~= nil
    end
    if not config.values.evidence[name] then
      health.info(name .. ': turned off')
    elseif name == 'paste' then
      health.ok('paste: told from assistants; `p` and `P` from a register are not seen')
    elseif is_there then
      health.ok(name .. ': what is accepted is told')
    else
      health.info(name .. ': not loaded')
    end
  end
  for tool, count in vim.spairs(evidence.told) do
    health.info(('told so far: %s, %d times'):format(tool, count))
  end
  health.info('Agents outside of Neovim tell by their own hooks: `countersign hook`.')
end

local function check_git()
  health.start('Git')
  if vim.fn.executable('git') == 0 then
    return health.warn('There is no git. Findings are the same; what changed since the last commit is not known.')
  end
  local root = vim.fs.root(vim.fn.getcwd(), '.git')
  if root then
    health.ok('Repository: ' .. vim.fn.fnamemodify(root, ':~'))
  else
    health.info('The current folder is in no repository; what is known of who wrote what is kept in the state folder.')
  end
end

function M.check()
  health.start('Countersign')
  local version = vim.version()
  health.ok(('Neovim %d.%d.%d'):format(version.major, version.minor, version.patch))
  if not require('countersign').is_set_up() then
    health.warn('`setup` has not been called.')
  end
  check_program()
  check_clients()
  check_evidence()
  check_git()
end

return M
