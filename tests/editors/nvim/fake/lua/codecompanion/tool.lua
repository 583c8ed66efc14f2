--- A stand-in for the tool of codecompanion's chat that edits a file: it replaces all lines of the buffer, writes it, and
--- says so with its event.
local M = {}

function M.edit(old, new)
  local buffer = vim.api.nvim_get_current_buf()
  local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
  local from, to = text:find(old, 1, true)
  text = text:sub(1, from - 1) .. new .. text:sub(to + 1)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(text, '\n'))
  vim.api.nvim_buf_call(buffer, function()
    vim.cmd('silent write')
  end)
  M.say({ bufnr = buffer, path = vim.api.nvim_buf_get_name(buffer), tool = 'insert_edit_into_file' })
end

function M.say(data)
  vim.api.nvim_exec_autocmds('User', { pattern = 'CodeCompanionFileEdited', data = data })
end

return M
