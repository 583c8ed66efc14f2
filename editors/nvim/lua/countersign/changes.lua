--- What changed in a buffer, as ranges of text that are new. Rows and bytes count from zero, ends are not included.
local M = {}

--- @class countersign.Change one change of whole lines
--- @field first integer the first row
--- @field old string[] the lines that stood there
--- @field count integer how many lines stand there now

--- @class countersign.Buffer
--- @field lines string[] the text as it is, kept here because Neovim says where a change was and not what stood there
--- @field last? countersign.Change the newest change, until Neovim has come to rest

local followed = {} --- @type table<integer, countersign.Buffer>

--- Called before each change with the buffer and its lines, which the callee copies if it needs them.
--- @type fun(buffer: integer, lines: string[])?
M.before_change = nil

local function splice(lines, first, last, new)
  local old = {}
  for row = first + 1, last do
    old[#old + 1] = lines[row]
  end
  local grown = #new - #old
  if grown > 0 then
    for row = #lines, last + 1, -1 do
      lines[row + grown] = lines[row]
    end
  elseif grown < 0 then
    for row = last + 1, #lines do
      lines[row + grown] = lines[row]
    end
    for row = #lines, #lines + grown + 1, -1 do
      lines[row] = nil
    end
  end
  for index, line in ipairs(new) do
    lines[first + index] = line
  end
  return old
end

local function on_lines(_, buffer, _, first, last, new_last)
  local state = followed[buffer]
  if not state then
    return true
  end
  if M.before_change then
    M.before_change(buffer, state.lines)
  end
  local new = vim.api.nvim_buf_get_lines(buffer, first, new_last, false)
  local old = splice(state.lines, first, last, new)
  if not state.last then
    vim.schedule(function()
      state.last = nil
    end)
  end
  if not state.writing then
    state.last = { first = first, old = old, count = #new }
  end
end

--- Follows a buffer from now on.
--- @param buffer integer
function M.follow(buffer)
  if followed[buffer] then
    return
  end
  followed[buffer] = { lines = vim.api.nvim_buf_get_lines(buffer, 0, -1, false) }
  vim.api.nvim_buf_attach(buffer, false, {
    on_lines = on_lines,
    on_reload = function()
      followed[buffer] = { lines = vim.api.nvim_buf_get_lines(buffer, 0, -1, false) }
    end,
    on_detach = function()
      followed[buffer] = nil
    end,
  })
end

--- The change that was made just now, before Neovim came to rest and before the buffer was written: what a plugin means
--- that says in the same breath what it did.
--- @return countersign.Change?
function M.just_now(buffer)
  return followed[buffer] and followed[buffer].last
end

--- What formatters do when a buffer is written is not what was done before.
function M.before_write(buffer)
  local state = followed[buffer]
  if state and state.last then
    state.writing = true
    vim.schedule(function()
      state.writing = nil
    end)
  end
end

local function is_continuation(text, byte)
  local value = text:byte(byte)
  return value and value >= 0x80 and value < 0xC0
end

--- What is new in `new` against `old`, as bytes of `new`: without a common beginning and end. The beginning counts first,
--- as where Neovim works out what it sends to servers.
local function trim(old, new)
  local shorter = math.min(#old, #new)
  local from = 0
  while from < shorter and old:byte(from + 1) == new:byte(from + 1) do
    from = from + 1
  end
  local behind = 0
  while behind < shorter - from and old:byte(#old - behind) == new:byte(#new - behind) do
    behind = behind + 1
  end
  local to = #new - behind
  -- A character is new as a whole.
  while from > 0 and (is_continuation(new, from + 1) or is_continuation(old, from + 1)) do
    from = from - 1
  end
  while to < #new and is_continuation(new, to + 1) do
    to = to + 1
  end
  return from, to, old:sub(from + 1, #old - (#new - to))
end

--- Row and byte of a byte of a text whose first line is at `row`.
local function place(text, byte, row)
  local at = 0
  while true do
    local stop = text:find('\n', at + 1, true)
    if not stop or stop > byte then
      return row, byte - at
    end
    row, at = row + 1, stop
  end
end

local function joined(lines, first, count)
  local text = table.concat(lines, '\n', first + 1, first + count)
  return count > 0 and text .. '\n' or text
end

local function without_space(text)
  return (text:gsub('%s+', ''))
end

--- Adds what is new in one group of lines.
local function add(ranges, old, new, row)
  local from, to, replaced = trim(old, new)
  local text = new:sub(from + 1, to)
  -- Nothing is said about who laid out a text.
  if without_space(text) == without_space(replaced) then
    return
  end
  local start_row, start_byte = place(new, from, row)
  local end_row, end_byte = place(new, to, row)
  table.insert(ranges, { start_row, start_byte, end_row, end_byte })
end

--- What is new in lines against other lines, the first of which are at `row`.
--- @param old string[]
--- @param new string[]
--- @param row integer
--- @return integer[][] ranges { start row, start byte, end row, end byte }, in order
function M.ranges(old, new, row)
  local same = 0
  while same < #old and same < #new and old[same + 1] == new[same + 1] do
    same = same + 1
  end
  local behind = 0
  while behind < math.min(#old, #new) - same and old[#old - behind] == new[#new - behind] do
    behind = behind + 1
  end
  local old_count, new_count = #old - same - behind, #new - same - behind
  local ranges = {}
  if new_count == 0 then
    return ranges
  end
  local old_text, new_text = joined(old, same, old_count), joined(new, same, new_count)
  if old_count == 0 or new_count == 1 or old_count == 1 then
    add(ranges, old_text, new_text, row + same)
    return ranges
  end
  local diff = vim.text and vim.text.diff or vim.diff
  for _, hunk in ipairs(diff(old_text, new_text, { result_type = 'indices', algorithm = 'histogram' })) do
    local old_first, old_lines, new_first, new_lines = unpack(hunk)
    if new_lines > 0 then
      -- A hunk that takes nothing away names the line before it.
      old_first = old_lines > 0 and old_first - 1 or old_first
      add(
        ranges,
        joined(old, same + old_first, old_lines),
        joined(new, same + new_first - 1, new_lines),
        row + same + new_first - 1
      )
    end
  end
  return ranges
end

return M
