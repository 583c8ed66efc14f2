--- nvim -l keystroke.lua: how long it takes from a key to the diagnostic that it brings or takes away, measured inside of
--- Neovim, with our server and plugin and with a server that answers at once. It prints figures and judges none.
local here = vim.fs.dirname(vim.fn.fnamemodify(arg[0], ':p'))
local T = dofile(here .. '/harness.lua')

local KEYS = 60
local APART = 200

local function median(times)
  table.sort(times)
  return times[math.ceil(#times / 2)], times[math.ceil(#times * 0.95)]
end

--- Types at the end of `publicly_accessible = true`, so that each key changes whether there is a finding.
local function measure(options)
  local safe = {}
  for index = 1, 100 do
    safe[index] = (T.SAFE:gsub('"safe"', ('"safe%d"'):format(index)))
  end
  local nvim = T.start(T.workspace({ ['main.tf'] = T.PUBLIC .. table.concat(safe) }), options)
  nvim:open('main.tf')
  nvim:wait('a finding', [[return #vim.diagnostic.get(0) == 1]])
  nvim:lua([[
    _G.times = {}
    vim.on_key(function(_, typed)
      if typed and #typed > 0 and vim.fn.mode() == 'i' then _G.pressed = vim.uv.hrtime() end
    end)
    vim.api.nvim_create_autocmd('DiagnosticChanged', { callback = function()
      if _G.pressed then
        table.insert(_G.times, (vim.uv.hrtime() - _G.pressed) / 1e6)
        _G.pressed = nil
      end
    end })
    vim.api.nvim_win_set_cursor(0, { 2, 0 })
  ]])
  nvim:keys('A')
  nvim:wait('insert mode', [[return vim.fn.mode() == 'i']])
  for key = 1, KEYS do
    vim.wait(APART)
    nvim:keys(key % 2 == 1 and 'x' or '<BS>')
    nvim:wait('the diagnostic', [[return #_G.times == ...]], key)
  end
  local times = nvim:lua('return _G.times')
  pcall(vim.rpcnotify, nvim.channel, 'nvim_command', 'qall!')
  vim.fn.jobwait({ nvim.channel }, 5000)
  return median(times)
end

local stub = ([[vim.api.nvim_create_autocmd('FileType', { pattern = 'terraform', callback = function(e)
  vim.lsp.start({ name = 'stub', cmd = { 'python3', '-u', %q } }, { bufnr = e.buf }) end })]]):format(here .. '/stub.py')

-- One after the other and again, because the machine may be busier in one half of it.
local rounds = {}
for round = 1, 2 do
  for name, options in pairs({ countersign = {}, stub = { plugin = false, lua = stub } }) do
    rounds[name] = rounds[name] or {}
    rounds[name][round] = { measure(options) }
  end
end
for name, both in vim.spairs(rounds) do
  print(('key to diagnostic in Neovim %s, %d keys %d ms apart, twice: %-11s median %.1f and %.1f ms, 95 %% within %.1f and %.1f ms\n'):format(
    T.version, KEYS, APART, name, both[1][1], both[2][1], both[1][2], both[2][2]))
end
os.exit(0)
