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

-- What is told while the server starts, or starts again, waits for it. Extmarks follow the text meanwhile.
local NAMESPACE = vim.api.nvim_create_namespace('countersign.evidence')
local MAX_WAITING = 100
local waiting = {} --- @type table<integer, { mark: integer, text: string, origin: countersign.Origin }[]>

local recording --- @type { before: table<integer, string[]> }?

local function before_change(buffer, lines)
  if recording and not recording.before[buffer] then
    recording.before[buffer] = vim.list_slice(lines)
  end
end

local function text_at(buffer, range)
  return table.concat(vim.api.nvim_buf_get_text(buffer, range[1], range[2], range[3], range[4], {}), '\n')
end

local function wait(buffer, ranges, origin)
  local list = waiting[buffer] or {}
  waiting[buffer] = list
  for _, range in ipairs(ranges) do
    if #list < MAX_WAITING then
      local mark = vim.api.nvim_buf_set_extmark(buffer, NAMESPACE, range[1], range[2], {
        end_row = range[3],
        end_col = range[4],
        end_right_gravity = false,
        right_gravity = true,
        strict = false,
      })
      table.insert(list, { mark = mark, text = text_at(buffer, range), origin = origin })
    end
  end
end

--- Tells what waited for a server, where that very text is still there.
--- @param buffer integer
function M.attached(buffer)
  local list = waiting[buffer] or {}
  waiting[buffer] = nil
  for _, item in ipairs(list) do
    local row, byte, details = unpack(vim.api.nvim_buf_get_extmark_by_id(buffer, NAMESPACE, item.mark, { details = true }))
    local range = row and { row, byte, details.end_row, details.end_col }
    if range and text_at(buffer, range) == item.text then
      M.tell(buffer, { range }, item.origin)
    end
  end
  vim.api.nvim_buf_clear_namespace(buffer, NAMESPACE, 0, -1)
end

--- Says that the text at these ranges came from there.
--- @param buffer integer
--- @param ranges integer[][] as |countersign.changes.ranges()| returns them
--- @param origin countersign.Origin
function M.tell(buffer, ranges, origin)
  if #ranges == 0 then
    return
  end
  local to = client.of(buffer)
  if not to then
    -- A range behind the last line ends with it.
    local last = vim.api.nvim_buf_line_count(buffer) - 1
    local inside = vim.tbl_filter(function(range)
      return range[3] <= last
    end, ranges)
    return wait(buffer, inside, origin)
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
