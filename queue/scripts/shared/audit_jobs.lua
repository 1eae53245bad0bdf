-- Records, and in how many states each is.
local function count_places(ids)
  local count = {}
  for _, place in ipairs(PLACES) do
    for i, score in ipairs(redis.call('ZMSCORE', key(place), unpack(ids))) do
      count[i] = (count[i] or 0) + (score and 1 or 0)
    end
  end
  return count
end

local function look_at_record(id, record, places)
  if not is_good_record(id, record) then return suspect('bad_record', id) end
  if places > 1 then suspect('two_states', id) end
  if damaged.double_body(id) then suspect('double_body', id) end
  if damaged.lone_member(id) then suspect('lone_member', id) end
  local entry = places == 0 and live_entry(id, record)
  if entry == '' then suspect('orphan', id)
  elseif entry then names[#names + 1] = entry end
end

local function look_at_jobs(page)
  local ids = {}
  for i = 1, #page, 2 do ids[#ids + 1] = page[i] end
  if #ids == 0 then return end
  local places = count_places(ids)
  for i, id in ipairs(ids) do look_at_record(id, page[2 * i], places[i]) end
end

-- What else is to be known of a member of a set.
local function add_names(member)
  if part == 'ghosts' then names[#names + 1] = member end
  for _, subject in ipairs(part == 'waiting' and parents_elsewhere(member) or {}) do
    names[#names + 1] = subject
  end
end
