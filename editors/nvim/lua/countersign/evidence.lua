--- Tells the server which text came from where: all that is inserted while a function of an assistant runs.
local changes = require('countersign.changes')
local client = require('countersign.client')

local M = {}

--- @class countersign.Origin as in `countersign/edit`
--- @field tool string
--- @field model? string
--- @field session? string
--- @field means 'inlineCompletion'|'chat'|'agent'|'paste'|'human'

--- How often each tool was told about, for `:checkhealth`.
--- @type table<string, integer>
M.told = {}

local recording --- @type { before: table<integer, string[]> }?

local function before_change(buffer, lines)
  if recording and not recording.before[buffer] then
    recording.before[buffer] = vim.list_slice(lines)
  end
end

--- Says that the text at these ranges came from there.
--- @param buffer integer
--- @param ranges integer[][] as |countersign.changes.ranges()| returns them
--- @param origin countersign.Origin
function M.tell(buffer, ranges, origin)
  local to = client.of(buffer)
  if not to or #ranges == 0 then
    return
  end
  local wire = {}
  for _, range in ipairs(ranges) do
    table.insert(wire, client.to_range(to, buffer, unpack(range)))
  end
  client.notify(to, 'countersign/edit', {
    textDocument = { uri = vim.uri_from_bufnr(buffer), version = client.version(buffer) },
    ranges = wire,
    origin = origin,
  })
  M.told[origin.tool] = (M.told[origin.tool] or 0) + 1
  require('countersign.regions').refresh(buffer)
end

local function finish(taken, origin)
  for buffer, old in pairs(taken.before) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      M.tell(buffer, changes.ranges(old, vim.api.nvim_buf_get_lines(buffer, 0, -1, false), 0), origin)
    end
  end
end

--- Calls a function; what it inserts came from there. Returns what it returns, and raises what it raises.
--- @param origin countersign.Origin
--- @param run function
function M.record(origin, run, ...)
  if recording then
    return run(...)
  end
  recording = { before = {} }
  changes.before_change = before_change
  local results = vim.F.pack_len(pcall(run, ...))
  local taken = recording
  recording, changes.before_change = nil, nil
  -- What goes wrong here must not reach the assistant.
  local ok, problem = pcall(finish, taken, origin)
  if not ok then
    vim.schedule(function()
      vim.notify_once('Countersign: an insertion could not be told: ' .. problem, vim.log.levels.DEBUG)
    end)
  end
  if not results[1] then
    error(results[2], 0)
  end
  return unpack(results, 2, results.n)
end

local function source(callback)
  return type(callback) == 'function' and debug.getinfo(callback, 'S').source
end

--- Calls a function as |countersign.evidence.record()| does. What functions of the same file insert that it leaves to
--- `vim.schedule` counts too: assistants insert so.
--- @param origin countersign.Origin
--- @param run function
--- @param file? string the file that counts as the same, where it is not that of `run`
function M.record_scheduled(origin, run, file, ...)
  file = file or source(run)
  local schedule, schedule_wrap = vim.schedule, vim.schedule_wrap
  local function recorded(callback)
    if source(callback) ~= file then
      return callback
    end
    return function(...)
      return M.record(origin, callback, ...)
    end
  end
  vim.schedule = function(callback)
    return schedule(recorded(callback))
  end
  vim.schedule_wrap = function(callback)
    return schedule_wrap(recorded(callback))
  end
  local results = vim.F.pack_len(pcall(M.record, origin, run, ...))
  vim.schedule, vim.schedule_wrap = schedule, schedule_wrap
  if not results[1] then
    error(results[2], 0)
  end
  return unpack(results, 2, results.n)
end

--- Says that the change that was made just now came from there.
function M.just_now(buffer, origin)
  local change = changes.just_now(buffer)
  if change then
    local new = vim.api.nvim_buf_get_lines(buffer, change.first, change.first + change.count, false)
    M.tell(buffer, changes.ranges(change.old, new, change.first), origin)
  end
end

return M
