--- A stand-in for supermaven-nvim: `on_accept_suggestion` is called without a `self` and inserts at once.
local M = {}

local shown

function M.show(text)
  shown = text
end

function M.on_accept_suggestion(is_partial)
  local text = shown
  if not text then
    vim.api.nvim_feedkeys(vim.keycode('<Tab>'), 'n', true)
    return
  end
  shown = nil
  if is_partial then
    text = text:match('^%s*%S+')
  end
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  local place = { line = row - 1, character = byte }
  local edit = { range = { start = place, ['end'] = place }, newText = text }
  vim.lsp.util.apply_text_edits({ edit }, vim.api.nvim_get_current_buf(), 'utf-8')
  local lines = vim.split(text, '\n')
  vim.api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and byte or 0) + #lines[#lines] })
end

function M.on_accept_suggestion_word()
  M.on_accept_suggestion(true)
end

return M
