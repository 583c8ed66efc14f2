--- A stand-in for minuet's virtual text: `action.accept` inserts from `vim.schedule`, and keys are mapped to it as it is.
local M = { action = {} }

local shown

function M.show(text)
  shown = text
end

function M.action.accept(lines)
  local text = shown
  if not text then
    return
  end
  shown = nil
  local parts = vim.split(text, '\n')
  if lines then
    parts = vim.list_slice(parts, 1, lines)
  end
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  vim.schedule(function()
    vim.api.nvim_buf_set_text(0, row - 1, byte, row - 1, byte, parts)
  end)
end

function M.action.accept_line()
  M.action.accept(1)
end

function M.setup()
  vim.keymap.set('i', '<A-a>', M.action.accept)
  vim.keymap.set('i', '<A-l>', M.action.accept_line)
end

return M
