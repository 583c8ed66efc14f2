--- Stands around functions of other plugins, whether they are loaded yet or not. A plugin or function that is not there is
--- left alone.
local M = {}

local hooks = {} --- @type table<string, fun(module: any)[]>
local searching = {} --- @type table<string, boolean>
-- Which functions of which tables are ours already.
local wrapped = setmetatable({}, { __mode = 'k' }) --- @type table<table, table<string, function>>

--- Finds a module that has hooks after us, and runs them once it is loaded.
local function searcher(name)
  if not hooks[name] or searching[name] then
    return nil
  end
  for _, find in ipairs(package.loaders) do
    if find ~= searcher then
      searching[name] = true
      local ok, load = pcall(find, name)
      searching[name] = nil
      if ok and type(load) == 'function' then
        return function()
          local module = load(name)
          if module == nil then
            module = package.loaded[name]
          end
          for _, hook in ipairs(hooks[name]) do
            pcall(hook, module)
          end
          return module
        end
      end
    end
  end
end

--- Calls a function with a module, now or when it is loaded.
--- @param name string
--- @param hook fun(module: any)
function M.when_loaded(name, hook)
  hooks[name] = hooks[name] or {}
  table.insert(hooks[name], hook)
  if package.loaders[1] ~= searcher then
    table.insert(package.loaders, 1, searcher)
  end
  if package.loaded[name] ~= nil then
    pcall(hook, package.loaded[name])
  end
end

--- Mappings that were made with the function itself go by the wrapper from now on.
local function remap(original, wrapper)
  local function each(maps)
    for _, map in ipairs(maps) do
      if map.callback == original then
        map.callback = wrapper
        pcall(vim.fn.mapset, map)
      end
    end
  end
  for _, mode in ipairs({ 'i', 'n', 'x' }) do
    each(vim.api.nvim_get_keymap(mode))
  end
end

--- Puts `around(original, ...)` in place of functions of a table.
--- @param table_ any
--- @param names string[]
--- @param around fun(original: function, ...): any
function M.functions(table_, names, around)
  if type(table_) ~= 'table' then
    return
  end
  local done = wrapped[table_] or {}
  for _, name in ipairs(names) do
    local original = rawget(table_, name)
    if type(original) == 'function' and done[name] ~= original then
      local function wrapper(...)
        return around(original, ...)
      end
      table_[name], done[name] = wrapper, wrapper
      remap(original, wrapper)
    end
  end
  wrapped[table_] = done
end

--- Wraps functions of a module, now or when it is loaded.
--- @param module string
--- @param names string[]
--- @param around fun(original: function, ...): any
--- @param within? string the field of the module that holds them
function M.module(module, names, around, within)
  M.when_loaded(module, function(loaded)
    M.functions(within and type(loaded) == 'table' and loaded[within] or loaded, names, around)
  end)
end

return M
