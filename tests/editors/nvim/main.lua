--- nvim -l main.lua [PART OF A NAME]: runs the tests against the Neovim that TEST_NVIM names.
local here = vim.fs.dirname(vim.fn.fnamemodify(arg[0], ':p'))
local T = dofile(here .. '/harness.lua')
local passed, failed = 0, 0
local version = T.system({ T.nvim, '--version' }).stdout:match('v(%d+%.%d+%.%d+)')
for _, name in ipairs({ 'story', 'assistants' }) do
  local tests = assert(loadfile(here .. '/' .. name .. '.lua'))(T)
  local more_passed, more_failed = T.run('Neovim ' .. version, tests, arg[1])
  passed, failed = passed + more_passed, failed + more_failed
end
print(('%d passed, %d failed\n'):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
