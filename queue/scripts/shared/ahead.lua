-- How many jobs stand in front of one in its lane, ghosts left out.
local function size_of(entry)
  local pack = is_pack(entry) and redis.call('HGET', key('jobs'), entry)
  if not pack then return 1 end
  local high, low = gone_from(entry)
  return pack_size(pack) - count_bits(high) - count_bits(low)
end

-- In its own pack.
local function place_in(name, id)
  local pack = name and redis.call('HGET', key('jobs'), name)
  for i, member in ipairs(pack and pack_jobs(name, pack) or {}) do
    if member == id then return i - 1 end
  end
  return 0
end

-- Gives `most` and 1 when there are more.
local function count_ahead(id, record, most)
  local ahead = 0
  local lane, pack = lane_of(record), pack_with(id)
  local own = pack or rare_of(id, record).e or id
  local entries = redis.call('LRANGE', key('lane:' .. lane), 0, most)
  local ghosts = #entries > 0 and redis.call('HMGET', key('ghosts'), unpack(entries))
  for i, entry in ipairs(entries) do
    if entry == own then
      ahead = ahead + place_in(pack, id)
      break
    end
    ahead = ahead + (ghosts[i] and 0 or size_of(entry))
    if ahead > most or i > most then break end
  end
  if ahead > most then return most, 1 end
  return ahead, 0
end
