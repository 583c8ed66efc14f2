--- A stand-in for codecompanion's inline assistant: a class whose `output` writes a text.
local Inline = {}

function Inline.new(fields)
  return setmetatable(fields, { __index = Inline })
end

function Inline:done(output)
  vim.schedule(function()
    self:output(output)
  end)
end

function Inline:output(output)
  local lines = vim.split(output, '\n')
  vim.api.nvim_buf_set_text(0, self.line, 0, self.line, 0, { lines[1] })
  vim.api.nvim_buf_set_lines(0, self.line + 1, self.line + 1, false, vim.list_slice(lines, 2))
end

return Inline
