--- A stand-in for copilot.lua's suggestion module: the same functions, and text comes in the same way, by
--- `vim.lsp.util.apply_text_edits` from `vim.schedule_wrap`. `show` is what its server would do.
local M = {}

local shown

function M.show(text)
  local row, byte = unpack(vim.api.nvim_win_get_cursor(0))
  local line = vim.api.nvim_get_current_line()
  shown = {
    -- The whole line is offered anew, with what was typed of it.
    text = line:sub(1, byte) .. text,
    range = { start = { line = row - 1, character = 0 }, ['end'] = { line = row - 1, character = #line } },
  }
end

function M.is_visible()
  return shown ~= nil
end

function M.accept(modifier)
  local suggestion = shown
  if not suggestion then
    return
  end
  shown = nil
  local text = suggestion.text
  if modifier then
    text = modifier(suggestion)
  end
  vim.schedule_wrap(function()
    vim.lsp.util.apply_text_edits({ { range = suggestion.range, newText = text } }, vim.api.nvim_get_current_buf(), 'utf-8')
    local lines = vim.split(text, '\n')
    vim.api.nvim_win_set_cursor(0, { suggestion.range.start.line + #lines, #lines[#lines] })
  end)()
end

function M.accept_word()
  local typed = vim.api.nvim_win_get_cursor(0)[2]
  M.accept(function(suggestion)
    return suggestion.text:sub(1, select(2, suggestion.text:find('%s*%p*[^%s%p]*%s*', typed + 1)))
  end)
end

function M.accept_line()
  M.accept(function(suggestion)
    return vim.split(suggestion.text, '\n')[1]
  end)
end

--- What its `setup` does about keys.
function M.map()
  local function on(key, name)
    vim.keymap.set('i', key, function()
      if M.is_visible() then
        M[name]()
        return '<Ignore>'
      end
      return key
    end, { expr = true, replace_keycodes = true })
  end
  on('<Tab>', 'accept')
  on('<C-Right>', 'accept_word')
  on('<C-Down>', 'accept_line')
end

return M
