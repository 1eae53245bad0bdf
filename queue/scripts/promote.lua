#!lua flags=allow-oom
--@ include key now note hint record wake lane
-- promote: SCHEDULED, RETRY -> READY for jobs that are due.
--
-- KEYS  1 queue
-- ARGV  1 limit
-- Gives {promoted, more, time of the next due job in ms or '', now in us}
local now, limit = now_us(), tonumber(ARGV[1])
local promoted, more = 0, 0

-- Plain jobs have no ghost: they go to the end of their lanes in one command a lane.
local function push_plain(lanes)
  for lane, ids in pairs(lanes) do
    redis.call('RPUSH', key('lane:' .. lane), unpack(ids))
    lane_join(lane)
    wake(kind_of(lane))
    note('ready', ids)
  end
end

for _, state in ipairs({'scheduled', 'retry'}) do
  local ids = redis.call('ZRANGE', key(state), '-inf', integer(math.floor(now / 1000)), 'BYSCORE',
                         'LIMIT', 0, limit)
  if #ids > 0 then
    local records, lanes = redis.call('HMGET', key('jobs'), unpack(ids)), {}
    redis.call('ZREM', key(state), unpack(ids))
    for i, id in ipairs(ids) do
      local record = records[i]
      if record and record:byte() == 48 then
        local lane = lane_of(record)
        lanes[lane] = lanes[lane] or {}
        table.insert(lanes[lane], id)
      elseif record then
        lane_push('RPUSH', id, record, rare_of(id, record))
      end
    end
    push_plain(lanes)
    promoted, more = promoted + #ids, #ids == limit and 1 or more
  end
end
local due = next_due()
return {promoted, more, due and integer(due) or '', now}
