--- The language client of a buffer, the same in Neovim 0.10 and newer.
local M = {}

M.NAME = 'countersign'

-- In 0.10 the functions of a client take no `self`.
local takes_self = vim.fn.has('nvim-0.11') == 1

local function call(client, method, ...)
  if takes_self then
    return client[method](client, ...)
  end
  return client[method](...)
end

function M.is_stopped(client)
  return call(client, 'is_stopped')
end

--- The running client of a buffer, if there is one.
--- @param buffer integer
function M.of(buffer)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = buffer, name = M.NAME })) do
    if client.initialized and not M.is_stopped(client) then
      return client
    end
  end
end

function M.all()
  return vim.lsp.get_clients({ name = M.NAME })
end

--- Sends changes that wait, then a request.
function M.request(client, method, params, handler, buffer)
  return call(client, 'request', method, params, handler, buffer)
end

--- Sends changes that wait, then a notification.
function M.notify(client, method, params)
  return call(client, 'notify', method, params)
end

function M.stop(client, force)
  return call(client, 'stop', force)
end

--- The version that the client gives, or is about to give, the text that the buffer has now.
function M.version(buffer)
  local versions = vim.lsp.util.buf_versions
  return versions and versions[buffer] or vim.api.nvim_buf_get_changedtick(buffer)
end

--- Turns a byte of a line into what the client counts.
local function character(line, byte, encoding)
  byte = math.min(byte, #line)
  if encoding == 'utf-8' then
    return byte
  elseif takes_self then
    return vim.str_utfindex(line, encoding, byte, false)
  end
  local utf32, utf16 = vim.str_utfindex(line, byte)
  return encoding == 'utf-32' and utf32 or utf16
end

--- Turns a unit that the client counts into a byte of a line.
local function byte_of(line, unit, encoding)
  if encoding == 'utf-8' then
    return math.min(unit, #line)
  elseif takes_self then
    return vim.str_byteindex(line, encoding, unit, false)
  end
  local ok, byte = pcall(vim.str_byteindex, line, unit, encoding == 'utf-16')
  return ok and byte or #line
end

local function line_of(buffer, row)
  return vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
end

--- A range of the protocol from rows and bytes, counted from zero and up to but not including the end.
function M.to_range(client, buffer, start_row, start_byte, end_row, end_byte)
  local encoding = client.offset_encoding or 'utf-16'
  return {
    start = { line = start_row, character = character(line_of(buffer, start_row), start_byte, encoding) },
    ['end'] = { line = end_row, character = character(line_of(buffer, end_row), end_byte, encoding) },
  }
end

--- Rows and bytes from a range of the protocol, within the buffer as it is.
--- @return integer, integer, integer, integer
function M.from_range(client, buffer, range)
  local encoding = client.offset_encoding or 'utf-16'
  local count = vim.api.nvim_buf_line_count(buffer)
  local function place(position)
    if position.line >= count then
      return count - 1, #line_of(buffer, count - 1)
    end
    return position.line, byte_of(line_of(buffer, position.line), position.character, encoding)
  end
  local start_row, start_byte = place(range.start)
  local end_row, end_byte = place(range['end'])
  return start_row, start_byte, end_row, end_byte
end

return M
