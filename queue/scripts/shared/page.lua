-- A page of a listing: jobs of one kind ('' all), until `limit` were looked at or bytes_max are
-- full.
local page = {answer = {''}, bytes = 0}

local function page_add(id, score, record)
  page.limit = page.limit - 1
  if not record or (page.kind ~= '' and kind_of(lane_of(record)) ~= page.kind) then return end
  local answer, n = page.answer, #page.answer
  answer[n + 1], answer[n + 2], answer[n + 3] = id, score, record
  answer[n + 4] = redis.call('HGET', key('rare'), id)
  page.bytes = page.bytes + #record
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
