-- The same as `forget` of each, but what is the same for all is written together.
local function forget_many(ids, records, now_ms)
  local given, times, children = {}, {}, {}
  for i, id in ipairs(ids) do
    local record = records[i]
    local digest = record and header(record, 'g')
    if digest then
      given[#given + 1], given[#given + 2] = id, digest
      times[#times + 1], times[#times + 2] = integer(now_ms + GIVEN_MS), id
    end
    if record and record:byte() == 49 and header(record, 'A') then children[#children + 1] = id end
  end
  if #given > 0 then
    redis.call('HSET', key('given'), unpack(given))
    redis.call('ZADD', key('given_until'), unpack(times))
  end
  if #children > 0 then redis.call('HDEL', key('parents'), unpack(children)) end
  for _, hash in ipairs({'jobs', 'rare', 'errors', 'progress', 'results'}) do
    redis.call('HDEL', key(hash), unpack(ids))
  end
end
