--- The requests for reviews in a repository, one a file under `.countersign/reviews`.
local M = {}

local function read(path)
  local file = io.open(path, 'r')
  if not file then
    return nil
  end
  local text = file:read('*a')
  file:close()
  local ok, statement = pcall(vim.json.decode, text)
  return ok and type(statement) == 'table' and type(statement.predicate) == 'table' and statement.predicate or nil
end

--- One request as an item of the quickfix list; one that cannot be read leads to its own file.
local function item(root, path)
  local ok, result = pcall(function()
    local request = assert(read(path))
    local region = request.region
    local risks = {}
    for _, finding in ipairs(request.findings) do
      table.insert(risks, finding.risk)
    end
    local about = #risks > 0 and table.concat(risks, ', ') or 'a look'
    return {
      filename = vim.fs.joinpath(root, region.path),
      -- Requests count lines from zero.
      lnum = region.range.start.line + 1,
      end_lnum = region.range['end'].line + 1,
      text = ('%s, asked by %s: %s'):format(about, request.requestedBy, request.why),
      type = 'I',
    }
  end)
  return ok and result or { filename = path, lnum = 1, text = 'This request cannot be read.', type = 'W' }
end

--- All requests under a folder.
--- @param root string
--- @return table[] items for |setqflist()|
function M.items(root)
  local folder = vim.fs.joinpath(root, '.countersign', 'reviews')
  local items = {}
  for name, kind in vim.fs.dir(folder) do
    if kind == 'file' and vim.endswith(name, '.json') then
      table.insert(items, item(root, vim.fs.joinpath(folder, name)))
    end
  end
  table.sort(items, function(a, b)
    return a.filename == b.filename and a.lnum < b.lnum or a.filename < b.filename
  end)
  return items
end

return M
