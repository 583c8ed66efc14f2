--- A stand-in for avante's conflicts: one of the two sides takes the place of both.
local M = {}

function M.process_position(_, side, position)
  vim.api.nvim_buf_set_lines(0, position.first - 1, position.last, false, position[side])
end

function M.choose(side, position)
  M.process_position(0, side, position, true)
end

return M
