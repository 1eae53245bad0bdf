-- The walk over ready jobs: lane after lane, each from its end, so that claims do not move what was
-- looked at. PLACE is `INDEX LANE`: so many entries at the end of the lane are left as they are; or
-- `- LANE`, behind that lane.
-- Ghosts at the end of a lane go at once, so a lane that is emptied leaves nothing behind.
local function drop_tail(list, limit)
  for _ = 1, limit do
    local entry = redis.call('LINDEX', list, -1)
    if not entry or redis.call('HEXISTS', key('ghosts'), entry) == 0 then return end
    redis.call('RPOP', list)
    redis.call('HDEL', key('ghosts'), entry)
  end
end

-- A pack of which all pass is changed as a whole if `walk.change_pack` can.
local function walk_pack(name, record)
  local ids, records = pack_jobs(name, record)
  local all = walk.change_pack ~= nil
  for i, id in ipairs(ids) do
    all = all and passes(walk.filter, id, records[i], false, 'ready', '')
  end
  if not all then
    for i, id in ipairs(ids) do walk_job(id, records[i], false, '') end
    return
  end
  walk.looks, walk.looked = walk.looks - 1, walk.looked + #ids
  walk.bytes = walk.bytes - #record
  walk.change_pack(name, record, ids, records)
  walk_changed(#ids)
end

local function walk_entry(entry)
  local ghost = redis.call('HEXISTS', key('ghosts'), entry) == 1
  local id = entry:match('^[^~]*')
  local record = not ghost and redis.call('HGET', key('jobs'), id)
  if not record then walk.looks = walk.looks - 1
  elseif is_pack(entry) then walk_pack(entry, record)
  else walk_job(id, record, record:byte() == 49 and redis.call('HGET', key('rare'), id), '') end
end

-- Gives how many entries at the end of the lane are left as they are, and whether those are all.
local function walk_lane(lane, kept)
  local list, asked = key('lane:' .. lane), walk.looks
  local entries, seen = redis.call('LRANGE', list, -kept - asked, -kept - 1), 0
  local length = redis.call('LLEN', list)
  for i = #entries, 1, -1 do
    walk_entry(entries[i])
    seen = seen + 1
    if walk_full() then break end
  end
  drop_tail(list, 2 * asked)
  local left = redis.call('LLEN', list)
  if left == 0 then lane_leave(lane) end
  kept = math.max(0, kept + seen + left - length)
  return kept, seen == #entries and #entries < asked
end

local function walk_lanes()
  local kept, from = walk.place:match('^(%S+) (.+)$')
  local first, asked = from and (kept == '-' and '(' or '[') .. from or '-', walk.looks
  local lanes = lanes_from(first, asked)
  for _, lane in ipairs(lanes) do
    local whole, left = true, 0
    if not walk.filter.kind or kind_of(lane) == walk.filter.kind then
      left, whole = walk_lane(lane, lane == from and tonumber(kept) or 0)
    end
    walk.place, walk.looks = (whole and '-' or left) .. ' ' .. lane, walk.looks - 1
    if not whole or walk_full() then return false end
  end
  return #lanes < asked
end
