-- A page of a listing: jobs that pass page.filter, until `limit` were looked at, or bytes_max of
-- their records.
local page = {answer = {''}, bytes = 0}

local function page_add(id, score, record)
  page.limit = page.limit - 1
  if not record then return end
  page.bytes = page.bytes + #record
  local rare = redis.call('HGET', key('rare'), id)
  if not passes(page.filter, id, record, rare, page.state, score) then return end
  local answer, n = page.answer, #page.answer
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = id, score, record, rare
  answer[n + 5] = progress_of(id, rare)
end

local function page_full()
  return page.bytes >= page.bytes_max or page.limit <= 0
end

-- One job, or those of a pack behind `place`, -1 for all. Gives the place where it stopped inside
-- of a pack.
local function page_add_entry(name, score, place)
  local id = name:match('^[^~]*')
  local record = redis.call('HGET', key('jobs'), id)
  if not record or not is_pack(name) then return page_add(id, score, record) end
  local ids, records = pack_jobs(name, record)
  for i, member in ipairs(ids) do
    if pack_place(member) > place then page_add(member, score, records[i]) end
    if page_full() and i < #ids then return pack_place(member) end
  end
end
