-- The next due time, for a script that puts many aside.
local earliest

local function park_until(state, id, record, rare, due_ms)
  earliest = earliest or next_due()
  park(state, id, record, rare, due_ms)
  earliest = hint(earliest, due_ms)
end

-- Where a job stands whose content may change.
local waits = {scheduled = true, waiting = true, ready = true, retry = true}

-- A job that waits gets another record, and stands where that and its time say: in `later` until
-- then, or in its lane; there in its place, if it is the same lane, else what it had is a ghost.
-- One that waits for other jobs goes on waiting.
local function rewrite(id, state, old, record, rare, later, due_ms, now_ms)
  local lane, delayed = lane_of(record), due_ms > now_ms
  redis.call('HDEL', key('rare'), id)
  redis.call('HSET', key('jobs'), id, record)
  if state == 'waiting' or state == 'ready' and not delayed and lane == lane_of(old) then
    if next(rare) then keep_rare(id, record, rare) end
    note(state, {id})
    return
  end
  if state == 'ready' then leave_ghost(id, old, rare) else redis.call('ZREM', key(state), id) end
  if delayed then park_until(later, id, record, rare, due_ms)
  else lane_push('RPUSH', id, record, rare) end
end
