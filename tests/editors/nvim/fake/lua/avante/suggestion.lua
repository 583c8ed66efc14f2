--- A stand-in for avante's suggestions: a class whose `accept` replaces lines.
local Suggestion = {}
Suggestion.__index = Suggestion

function Suggestion:new(first, last, lines)
  return setmetatable({ first = first, last = last, lines = lines }, self)
end

function Suggestion:accept()
  vim.api.nvim_buf_set_lines(0, self.first - 1, self.last, false, self.lines)
end

return Suggestion
