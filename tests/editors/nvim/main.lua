--- nvim -l main.lua [PART OF A NAME]: runs the tests against the Neovim that TEST_NVIM names.
local here = vim.fs.dirname(vim.fn.fnamemodify(arg[0], ':p'))
local T = dofile(here .. '/harness.lua')
local total = { passed = 0, failed = 0, skipped = 0 }
for _, name in ipairs({ 'story', 'assistants', 'commands', 'reviews', 'critical', 'bad' }) do
  local tests = assert(loadfile(here .. '/' .. name .. '.lua'))(T)
  for what, count in pairs(T.run('Neovim ' .. T.version, tests, arg[1])) do
    total[what] = total[what] + count
  end
end
print(('%d passed, %d failed, %d skipped\n'):format(total.passed, total.failed, total.skipped))
os.exit(total.failed == 0 and 0 or 1)
