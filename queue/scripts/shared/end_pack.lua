-- A pack in a lane ends as a whole; its entry is a ghost then. What stands in a pack has neither a
-- key, nor a batch, nor parents; but others may wait for it.
local function tell_all(now_ms, ids, outcome)
  if redis.call('EXISTS', key('bonds')) == 0 then return end
  for _, id in ipairs(ids) do tell_children(finish, id, outcome, now_ms) end
end

local function drop_from_lane(name, record, ids)
  drop_pack(name)
  redis.call('HSET', key('ghosts'), name, lane_of(record))
  redis.call('HINCRBY', key('meta'), 'packed_ready', 1 - #ids)
end

local end_pack = {}

function end_pack.delete(now_ms, name, record, ids)
  note('deleted', ids)
  drop_from_lane(name, record, ids)
  tell_all(now_ms, ids, 'deleted')
end

function end_pack.cancel(now_ms, name, record, ids, records)
  local rare, fields, rares, ends = cjson.encode({w = 'cancelled', e = '', f = now_ms}), {}, {}, {}
  drop_from_lane(name, record, ids)
  for i, id in ipairs(ids) do
    fields[2 * i - 1], fields[2 * i] = id, '1' .. records[i]:sub(2)
    rares[2 * i - 1], rares[2 * i] = id, rare
    ends[2 * i - 1], ends[2 * i] = integer(now_ms), id
  end
  redis.call('HSET', key('jobs'), unpack(fields))
  redis.call('HSET', key('rare'), unpack(rares))
  redis.call('ZADD', key('cancelled'), unpack(ends))
  redis.call('HINCRBY', key('meta'), 'cancelled', #ids)
  note('cancelled', ids)
  tell_all(now_ms, ids, 'cancelled')
end
