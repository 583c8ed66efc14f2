--- Shows which text an AI wrote: shading behind it and a mark in the sign column.
local changes = require('countersign.changes')
local client = require('countersign.client')
local config = require('countersign.config')

local M = {}

M.NAMESPACE = vim.api.nvim_create_namespace('countersign.regions')

-- Groups that a colour scheme or the user may set.
local LINKS = {
  CountersignAi = 'CursorLine',
  CountersignAiSign = 'DiagnosticInfo',
  CountersignMixed = 'CursorLine',
  CountersignMixedSign = 'DiagnosticInfo',
  CountersignAskedSign = 'DiagnosticHint',
}

-- By who wrote the text; what a person wrote is not marked.
local LOOKS = {
  ai = { shade = 'CountersignAi', sign = '▎', sign_group = 'CountersignAiSign' },
  mixed = { shade = 'CountersignMixed', sign = '┊', sign_group = 'CountersignMixedSign' },
  unknown = { sign = '?', sign_group = 'CountersignAskedSign' },
}

-- Below the signs and highlights of diagnostics.
local PRIORITY = 5
-- Signs of one buffer; text of an AI beyond them is shaded and has none.
local MAX_SIGNS = 5000
-- After the last change, in milliseconds. Extmarks follow the text until then.
local REST = 120

local known = {} --- @type table<integer, table[]>
local timers = {} --- @type table<integer, uv.uv_timer_t>
local unable = {} --- @type table<integer, boolean> clients that do not know the request

local function draw(buffer, connection, regions)
  vim.api.nvim_buf_clear_namespace(buffer, M.NAMESPACE, 0, -1)
  local signs, signed = 0, {}
  for _, region in ipairs(regions) do
    local look = LOOKS[region.origin.by]
    if look then
      local start_row, start_byte, end_row, end_byte = client.from_range(connection, buffer, region.range)
      if config.values.shade and look.shade then
        vim.api.nvim_buf_set_extmark(buffer, M.NAMESPACE, start_row, start_byte, {
          end_row = end_row,
          end_col = end_byte,
          hl_group = look.shade,
          hl_eol = true,
          priority = PRIORITY,
          right_gravity = true,
          end_right_gravity = false,
          strict = false,
        })
      end
      if config.values.signs then
        -- A region that ends with a line break has nothing in the line behind it.
        local last = end_byte == 0 and end_row > start_row and end_row - 1 or end_row
        for row = start_row, math.min(last, start_row + MAX_SIGNS - signs - 1) do
          -- The first region of a line speaks for it.
          if not signed[row] then
            signs, signed[row] = signs + 1, true
            vim.api.nvim_buf_set_extmark(buffer, M.NAMESPACE, row, 0, {
              sign_text = look.sign,
              sign_hl_group = look.sign_group,
              priority = PRIORITY,
              strict = false,
            })
          end
        end
      end
    end
  end
end

local function ask(buffer)
  local connection = vim.api.nvim_buf_is_loaded(buffer) and client.of(buffer)
  if not connection or unable[connection.id] then
    return
  end
  local tick = vim.api.nvim_buf_get_changedtick(buffer)
  client.request(connection, 'countersign/regions', {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
  }, function(problem, regions)
    if problem then
      -- A server without the method is another version; that was said when it started.
      unable[connection.id] = problem.code == -32601 or nil
      return
    end
    if not vim.api.nvim_buf_is_loaded(buffer) or type(regions) ~= 'table' then
      return
    end
    if vim.api.nvim_buf_get_changedtick(buffer) ~= tick then
      return M.refresh(buffer)
    end
    known[buffer] = regions
    draw(buffer, connection, regions)
    vim.api.nvim_exec_autocmds('User', { pattern = 'CountersignRegions', modeline = false, data = { buf = buffer } })
  end, buffer)
end

--- Asks anew once the buffer has been at rest for a moment.
--- @param buffer integer
function M.refresh(buffer)
  local timer = timers[buffer]
  if not timer then
    timer = assert(vim.uv.new_timer())
    timers[buffer] = timer
  end
  timer:start(
    REST,
    0,
    vim.schedule_wrap(function()
      ask(buffer)
    end)
  )
end

--- Asks anew for every buffer that the server knows.
function M.refresh_all()
  for _, connection in ipairs(client.all()) do
    for buffer in pairs(connection.attached_buffers) do
      M.refresh(buffer)
    end
  end
end

--- Draws anew after a setting was changed.
function M.redraw()
  for buffer, regions in pairs(known) do
    local connection = vim.api.nvim_buf_is_loaded(buffer) and client.of(buffer)
    if connection then
      draw(buffer, connection, regions)
    end
  end
  M.refresh_all()
end

--- The regions of a buffer as the server last told them.
--- @param buffer integer 0 for the current one
--- @return table[]
function M.of(buffer)
  return known[buffer ~= 0 and buffer or vim.api.nvim_get_current_buf()] or {}
end

--- What is open in a buffer, in a few words; empty where nothing is.
function M.summary(buffer)
  local connection = client.of(buffer)
  if not connection then
    return require('countersign.server').gave_up() and 'countersign: stopped' or ''
  end
  local ai, open = 0, 0
  for _, region in ipairs(M.of(buffer)) do
    ai = ai + ((region.origin.by == 'ai' or region.origin.by == 'mixed') and 1 or 0)
  end
  for _, diagnostic in ipairs(vim.diagnostic.get(buffer)) do
    if diagnostic.source == 'countersign' and diagnostic.severity <= vim.diagnostic.severity.WARN then
      open = open + 1
    end
  end
  local parts = {}
  if ai > 0 then
    table.insert(parts, ai .. ' AI')
  end
  if open > 0 then
    table.insert(parts, open .. ' to review')
  end
  return #parts > 0 and 'countersign: ' .. table.concat(parts, ', ') or ''
end

local function forget(buffer)
  known[buffer] = nil
  if timers[buffer] then
    timers[buffer]:stop()
    timers[buffer]:close()
    timers[buffer] = nil
  end
end

local function link_groups()
  for group, target in pairs(LINKS) do
    vim.api.nvim_set_hl(0, group, { link = target, default = true })
  end
end

local function on_attach(event)
  local connection = vim.lsp.get_client_by_id(event.data.client_id)
  if not connection or connection.name ~= client.NAME then
    return
  end
  changes.follow(event.buf)
  require('countersign.evidence').attached(event.buf)
  M.refresh(event.buf)
end

function M.setup()
  link_groups()
  local group = vim.api.nvim_create_augroup('countersign.regions', {})
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  on('ColorScheme', link_groups)
  on('LspAttach', on_attach)
  on('LspDetach', function(event)
    local connection = vim.lsp.get_client_by_id(event.data.client_id)
    if connection and connection.name == client.NAME and vim.api.nvim_buf_is_valid(event.buf) then
      vim.api.nvim_buf_clear_namespace(event.buf, M.NAMESPACE, 0, -1)
      known[event.buf] = nil
    end
  end)
  on({ 'TextChanged', 'TextChangedI', 'TextChangedP', 'BufWritePost' }, function(event)
    if client.of(event.buf) then
      M.refresh(event.buf)
    end
  end)
  on('BufUnload', function(event)
    forget(event.buf)
  end)
  for _, connection in ipairs(client.all()) do
    for buffer in pairs(connection.attached_buffers) do
      changes.follow(buffer)
      M.refresh(buffer)
    end
  end
end

return M
