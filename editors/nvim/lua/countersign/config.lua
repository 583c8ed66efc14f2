--- The settings, with what is wrong in them said and left out.
local M = {}

M.defaults = {
  -- The program and its arguments.
  cmd = { 'countersign', 'lsp' },
  filetypes = { 'terraform', 'terraform-vars', 'tf', 'opentofu', 'opentofu-vars', 'hcl', 'terragrunt', 'packer', 'yaml', 'json', 'helm', 'sql', 'sh', 'bash', 'dockerfile' },
  -- What marks the root of a project. A file outside of one is looked at alone.
  root_markers = { '.git', 'countersign.toml' },
  -- Start the server by itself. Without, `:Countersign restart` starts it, or a configuration of your own does.
  autostart = true,
  -- Shade text that an AI wrote, and mark its lines in the sign column.
  shade = true,
  signs = true,
  -- The assistants that are asked, and whether pastes are told from them.
  evidence = {
    copilot_lua = true,
    copilot_vim = true,
    codecompanion = true,
    avante = true,
    supermaven = true,
    minuet = true,
    paste = true,
  },
  -- How long after a crash the server is started again, in milliseconds. The time doubles with each crash.
  restart_delay = 1000,
  -- Crashes within three minutes after which it stays away.
  max_crashes = 4,
}

M.values = vim.deepcopy(M.defaults)

local function is_list_of_strings(value)
  if type(value) ~= 'table' or #value == 0 or vim.tbl_count(value) ~= #value then
    return false
  end
  for _, item in ipairs(value) do
    if type(item) ~= 'string' then
      return false
    end
  end
  return true
end

--- What a setting has to be, by the default's shape.
local function wanted(default)
  if type(default) == 'table' then
    return 'a list of strings', is_list_of_strings
  elseif type(default) == 'number' then
    return 'a number that is not negative', function(value)
      return type(value) == 'number' and value >= 0
    end
  end
  return 'true or false', function(value)
    return type(value) == 'boolean'
  end
end

local function read(defaults, given, path, problems)
  local values = vim.deepcopy(defaults)
  if given ~= nil and type(given) ~= 'table' then
    local name = path == '' and 'The settings' or ('`' .. path .. '`')
    table.insert(problems, ('Countersign: %s must be a table and are %s; the defaults are used.'):format(name, type(given)))
    return values
  end
  for name, value in pairs(given or {}) do
    local full = path == '' and tostring(name) or (path .. '.' .. tostring(name))
    local default = defaults[name]
    if default == nil then
      table.insert(problems, ('Countersign: there is no setting `%s`; `:help countersign-settings` lists them.'):format(full))
    elseif type(default) == 'table' and not vim.islist(default) then
      values[name] = read(default, value, full, problems)
    else
      local what, fits = wanted(default)
      if fits(value) then
        values[name] = vim.deepcopy(value)
      else
        table.insert(
          problems,
          ('Countersign: `%s` must be %s and is %s; the default is used.'):format(full, what, vim.inspect(value))
        )
      end
    end
  end
  return values
end

--- Takes settings over and returns what is wrong with them, in words.
--- @param given? any
--- @return string[]
function M.apply(given)
  local problems = {}
  M.values = read(M.defaults, given, '', problems)
  return problems
end

return M
