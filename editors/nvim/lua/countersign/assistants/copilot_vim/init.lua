--- copilot.vim (github/copilot.vim): `copilot#Accept` leaves a text with `copilot#TextQueuedForInsertion`, and its mapping
--- inserts what that returns at the cursor. So the text is known before it is there, and counts once exactly that text
--- has come in at that place.
local assistants = require('countersign.assistants')
local evidence = require('countersign.evidence')

local M = {}

M.modules = {}

local ORIGIN = { tool = 'github-copilot', means = 'inlineCompletion' }

--- The text from the beginning of a row.
local function text_from(buffer, row)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, row, -1, false), '\n') .. '\n'
end

--- Called with the text that is about to be inserted at the cursor.
function M.queued(text)
  if not assistants.is_on('copilot_vim') or type(text) ~= 'string' or text == '' then
    return text
  end
  local buffer = vim.api.nvim_get_current_buf()
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  row = row - 1
  local before = text_from(buffer, row)
  local is_over = false
  -- Comes when nothing that was typed or queued is left.
  vim.api.nvim_create_autocmd({ 'SafeState', 'InsertLeave' }, {
    once = true,
    callback = function()
      if is_over or not vim.api.nvim_buf_is_loaded(buffer) then
        return
      end
      is_over = true
      local now = text_from(buffer, row)
      -- The same text may have stood there before, with nothing inserted.
      if now == before or now:sub(byte + 1, byte + #text) ~= text then
        return
      end
      local lines = vim.split(text, '\n', { plain = true })
      local end_byte = #lines == 1 and byte + #text or #lines[#lines]
      evidence.tell(buffer, { { row, byte, row + #lines - 1, end_byte } }, ORIGIN)
    end,
  })
  return text
end

local function wrap_function()
  if vim.fn.exists('*copilot#TextQueuedForInsertion') == 1 and not vim.g.CountersignCopilotText then
    vim.cmd.source(vim.fn.fnameescape(vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2)) .. '/autoload/copilot.vim'))
  end
end

--- Whether it is followed: there is nothing to follow before its functions are loaded.
function M.is_there()
  return vim.g.CountersignCopilotText ~= nil or vim.fn.exists('*copilot#Accept') == 1
end

function M.setup()
  wrap_function()
  vim.api.nvim_create_autocmd('SourcePost', {
    group = vim.api.nvim_create_augroup('countersign.copilot_vim', {}),
    pattern = '*/autoload/copilot.vim',
    callback = wrap_function,
  })
end

return M
