--- The requests for reviews in a repository, one a file under `.countersign/reviews`, and where each stands as the server says it.
local M = {}

--- What a server says of each repository, by its root: the parameters of `countersign/reviews`, and which client was told.
local told = {} --- @type table<string, { client: integer, reviews: table[] }>

local STATES = {
  waiting = 'waits for approval',
  approved = 'approved',
  rejected = 'rejected',
  void = 'void',
  past = 'merged or taken back',
}

--- Takes over what a server says of a repository.
--- @param client integer
function M.tell(params, client)
  told[vim.uri_to_fname(params.root)] = { client = client, reviews = params.reviews }
end

--- A server is gone, and with it what it said.
--- @param client integer
function M.forget(client)
  for root, params in pairs(told) do
    if params.client == client then
      told[root] = nil
    end
  end
end

--- All requests that the server has told of, each with the root of its repository.
--- @return { root: string, review: table }[]
local function known()
  local all = {}
  for root, params in pairs(told) do
    for _, review in ipairs(params.reviews) do
      table.insert(all, { root = root, review = review })
    end
  end
  table.sort(all, function(a, b)
    return a.review.id < b.review.id
  end)
  return all
end

--- A request by its name or the beginning of it; nil where there is none, or several.
--- @param id string
function M.find(id)
  local found = vim.tbl_filter(function(one)
    return vim.startswith(one.review.id, id)
  end, known())
  return #found == 1 and found[1] or nil
end

--- Whether the person here may approve or reject a request.
local function may(review, verb)
  if verb == 'approve' then
    return review.mayApprove
  end
  return review.mayReject
end

--- The requests that the person here may approve or reject; all of them without a verb.
--- @param verb? 'approve' | 'reject'
function M.open(verb)
  return vim.tbl_filter(function(one)
    return verb == nil or may(one.review, verb)
  end, known())
end

--- Why somebody may not answer so; nil where they may.
function M.why_not(review, verb)
  if may(review, verb) then
    return nil
  end
  return review.whyNot or 'it is not open any more'
end

--- The names of requests, to be completed.
function M.names(verb)
  return vim.tbl_map(function(one)
    return one.review.id
  end, M.open(verb))
end

--- A request in a line.
function M.in_words(review)
  return ('%s in %s: %s, asked by %s: %s'):format(
    review.address or 'the file',
    review.path,
    STATES[review.state] or review.state,
    review.requestedBy,
    review.why
  )
end

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

--- What the server says of a request, in words that go before the others; nothing where it has said nothing.
local function standing(review)
  if not review then
    return ''
  end
  local words = { STATES[review.state] or review.state }
  for _, answer in ipairs(review.answers) do
    table.insert(words, answer.said and ('%s by %s'):format(answer.said, answer.who) or nil)
  end
  if review.state == 'void' then
    table.insert(words, review.whyVoid)
    if review.voided then
      table.insert(words, ('the approval by %s does not hold any more'):format(table.concat(review.voided, ' and ')))
    end
  end
  return ('[%s %s] '):format(review.id, table.concat(words, '; '))
end

--- One request as an item of the quickfix list; one that cannot be read leads to its own file.
local function item(root, path, review)
  local ok, result = pcall(function()
    local request = assert(read(path))
    local region = request.region
    local risks = {}
    for _, finding in ipairs(request.findings) do
      table.insert(risks, finding.risk)
    end
    local about = #risks > 0 and table.concat(risks, ', ') or 'a look'
    -- Where it is now, as far as the server says so; requests count lines from zero.
    local range = review and review.range or region.range
    return {
      filename = vim.fs.joinpath(root, region.path),
      lnum = range.start.line + 1,
      end_lnum = range['end'].line + 1,
      text = standing(review) .. ('%s, asked by %s: %s'):format(about, request.requestedBy, request.why),
      type = review and review.state == 'void' and 'W' or 'I',
    }
  end)
  return ok and result or { filename = path, lnum = 1, text = 'This request cannot be read.', type = 'W' }
end

--- All requests under a folder.
--- @param root string
--- @return table[] items for |setqflist()|
function M.items(root)
  local folder = vim.fs.joinpath(root, '.countersign', 'reviews')
  local reviews = {}
  for _, review in ipairs((told[root] or { reviews = {} }).reviews) do
    reviews[review.id .. '.json'] = review
  end
  local items = {}
  for name, kind in vim.fs.dir(folder) do
    if kind == 'file' and vim.endswith(name, '.json') then
      table.insert(items, item(root, vim.fs.joinpath(folder, name), reviews[name]))
    end
  end
  table.sort(items, function(a, b)
    return a.filename == b.filename and a.lnum < b.lnum or a.filename < b.filename
  end)
  return items
end

--- Approves or rejects a request in a terminal of its own, where the person types `yes` and signs. Its environment is Neovim's.
--- The program stays until the person has read what came of it, and the terminal goes with it: of a program that ends at once
--- Neovim may lose the last words (neovim/neovim#26543).
--- @param program string
--- @param root string
--- @param verb 'approve' | 'reject'
--- @param id string
--- @param why? string
function M.answer(program, root, verb, id, why)
  local command = { program, 'review', verb, id, '--stay' }
  if why then
    -- As one word, so that nothing in it is an option.
    table.insert(command, '--why=' .. why)
  end
  vim.cmd('botright new')
  local buffer = vim.api.nvim_get_current_buf()
  local function close()
    if vim.api.nvim_buf_is_valid(buffer) then
      vim.api.nvim_buf_delete(buffer, { force = true })
    end
  end
  local options = { cwd = root, on_exit = vim.schedule_wrap(close) }
  if vim.fn.has('nvim-0.11') == 1 then
    options.term = true
    vim.fn.jobstart(command, options)
  else
    vim.fn.termopen(command, options)
  end
  vim.cmd('startinsert')
end

return M
