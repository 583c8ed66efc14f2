--- `:Countersign`, `:checkhealth countersign`, help, and what is shown.
local T = ...

local function start(files, options)
  local workspace = T.workspace(files or { ['main.tf'] = T.PUBLIC })
  local nvim = T.start(workspace, options)
  nvim:open('main.tf')
  nvim:attached()
  return nvim, workspace
end

local function complete(nvim, line)
  return nvim:lua([[return vim.fn.getcompletion(..., 'cmdline')]], line)
end

return {
  {
    'completion of sub-commands and what they take',
    function()
      local nvim = start()
      nvim:wait_findings({ '2:database-public' })
      T.eq(complete(nvim, 'Countersign re'), { 'reject', 'restart', 'review', 'reviews' })
      T.eq(complete(nvim, 'Countersign explain '), { 'database-public' })
      T.eq(complete(nvim, '1,2Countersign tag c'), { 'claude', 'codex', 'cursor' })
      T.eq(complete(nvim, 'Countersign fix '), {})
      nvim:command('Countersign nonsense')
      nvim:wait_said('there is no command `nonsense`')
    end,
  },
  {
    'the page of a risk opens',
    function()
      local nvim = start()
      nvim:wait_findings({ '2:database-public' })
      nvim:command('2 | Countersign explain')
      nvim:wait('the page', [[
        return vim.api.nvim_buf_get_name(0):find('database%-public') and vim.api.nvim_buf_get_lines(0, 0, 1, false)[1]:find('^#')
      ]])
      nvim:open('main.tf')
      nvim:command('Countersign explain no-such-risk')
      nvim:wait_said('there is no risk `no-such-risk`')
    end,
  },
  {
    'a register is looked at before it is put, and nothing changes',
    function()
      local nvim = start({ ['main.tf'] = T.SAFE })
      nvim:lua([[vim.fn.setreg('a', ..., 'V')]], T.FORCE)
      nvim:command('3 | Countersign check a')
      nvim:wait('what is found', [[
        return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'):find('force-destroy (high)', 1, true)
      ]])
      nvim:command('close')
      T.eq(nvim:text(), T.SAFE)
      nvim:lua([[vim.fn.setreg('a', '# harmless')]])
      nvim:command('Countersign check a')
      nvim:wait_said('nothing is found in it')
      nvim:command('Countersign check z')
      nvim:wait_said('the register z is empty')
    end,
  },
  {
    'every file of the workspace',
    function()
      local nvim = start({ ['main.tf'] = T.SAFE, ['more/other.tf'] = T.FORCE })
      nvim:command('Countersign checkworkspace')
      nvim:wait_said('files looked at, 1 findings.')
    end,
  },
  {
    'what is recorded, and who wrote what, from the command line',
    function()
      local nvim, workspace = start({ ['main.tf'] = T.SAFE })
      T.claude_edits(workspace, 't1', 'false', 'true')
      for command, expected in pairs({ log = 'main.tf', status = 'main.tf', blame = 'claude' }) do
        nvim:open('main.tf')
        nvim:command('Countersign ' .. command)
        nvim:wait(command, [[
          return vim.bo.buftype == 'nofile'
            and table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'):find(..., 1, true)
        ]], expected)
        nvim:command('close')
      end
    end,
  },
  {
    'where there is nothing to do, it is said',
    function()
      local nvim = start({ ['main.tf'] = T.SAFE })
      nvim:command('Countersign fix')
      nvim:wait_said('there is no finding on this line')
      nvim:command('Countersign fixall')
      nvim:wait_said('nothing in this file that can be fixed safely')
      nvim:command('Countersign reviews')
      nvim:wait_said('no review is requested in')
      nvim:command('enew')
      nvim:command('Countersign who')
      nvim:wait_said('no server is attached to this buffer')
    end,
  },
  {
    'a request for a review that cannot be read',
    function()
      local nvim, workspace = start({ ['main.tf'] = T.SAFE, ['.countersign/reviews/x.json'] = '{"predicate": {}}' })
      nvim:command('Countersign reviews')
      local items = nvim:lua([[return vim.tbl_map(function(i) return { vim.api.nvim_buf_get_name(i.bufnr), i.text } end, vim.fn.getqflist())]])
      T.eq(items, { { workspace.path('.countersign/reviews/x.json'), 'This request cannot be read.' } })
    end,
  },
  {
    'shading is turned off and on, by command and by setting',
    function()
      local nvim = start({ ['main.tf'] = '# ai-provenance: begin id=s_1 tool=claude\n' .. T.PUBLIC .. '# ai-provenance: end id=s_1\n' })
      nvim:wait_shaded({ '\n' .. T.PUBLIC })
      nvim:command('Countersign shade off')
      nvim:wait_shaded({})
      nvim:wait_signs({ 1, 2, 3, 4 })
      nvim:command('Countersign shade')
      nvim:wait_shaded({ '\n' .. T.PUBLIC })
      nvim:lua([[require('countersign').setup({ signs = false })]])
      nvim:wait_signs({})
      nvim:wait('the status', [[return require('countersign').status() == ...]], 'countersign: 1 AI, 1 to review')
      -- A colour scheme may set the groups.
      T.eq(nvim:lua([[vim.cmd('hi CountersignAi guibg=#102030'); vim.cmd('doautocmd ColorScheme'); return vim.api.nvim_get_hl(0, { name = 'CountersignAi' }).bg]]), 0x102030)
    end,
  },
  {
    'health',
    function()
      local nvim = start()
      nvim:lua([[require('supermaven-nvim.completion_preview')]])
      nvim:command('checkhealth countersign')
      local text = nvim:text()
      for _, part in ipairs({
        'Found: ' .. T.countersign,
        'Version 0.1.',
        'main.tf, in ' .. nvim.workspace.root:gsub('^' .. vim.pesc(nvim.workspace.environment.HOME), '~'),
        'supermaven: what is accepted is told',
        'minuet: not loaded',
        'Repository: ',
      }) do
        assert(text:find(part, 1, true), part .. '\nis not in\n' .. text)
      end
      assert(not text:find('ERROR') and not text:find('WARN'), text)
    end,
  },
  {
    'the help file has every command and setting',
    function()
      local nvim = start()
      nvim:command('helptags ' .. T.repository .. '/editors/nvim/doc')
      nvim:command('help countersign')
      local text = nvim:text()
      vim.uv.fs_unlink(T.repository .. '/editors/nvim/doc/tags')
      for _, command in ipairs(nvim:lua([[return require('countersign.command').list()]])) do
        assert(text:find('Countersign ' .. command.name, 1, true), command.name)
      end
      for _, name in ipairs(nvim:lua([[return vim.tbl_keys(require('countersign.config').defaults)]])) do
        assert(text:find('*countersign-' .. name .. '*', 1, true), name)
      end
    end,
  },
}
