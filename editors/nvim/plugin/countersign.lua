-- Starts Countersign with the settings of `vim.g.countersign`, or with none, unless `setup` was called first.
if vim.g.loaded_countersign then
  return
end
vim.g.loaded_countersign = true

if vim.fn.has('nvim-0.10') == 0 then
  vim.notify(
    'Countersign needs Neovim 0.10 or newer. The language server alone works with older ones: `countersign lsp`.',
    vim.log.levels.WARN
  )
  return
end

vim.api.nvim_create_user_command('Countersign', function(arguments)
  require('countersign.command').run(arguments)
end, {
  nargs = '*',
  range = true,
  desc = 'Fix, tag, review and explain what Countersign finds',
  complete = function(lead, line)
    return require('countersign.command').complete(lead, line)
  end,
})

-- A plugin manager calls `setup` right after this file, so the defaults wait for it.
vim.schedule(function()
  local countersign = require('countersign')
  if not countersign.is_set_up() then
    countersign.setup(vim.g.countersign)
  end
end)
