-- From dead, cancelled or done, with counters at zero (verb 'retry'); from scheduled, waiting or
-- retry, now (verb 'run'). Gives the status.
local REQUEUE_FROM = {retry = {dead = true, cancelled = true, done = true},
                      run = {scheduled = true, retry = true, waiting = true}}

-- A key for a time is counted from the enqueue, and has nothing to do with the job any more.
local function take_key(id, record, now_ms)
  local name, span = unique_of(record)
  if not name or tonumber(span) then return true end
  if unique_holder(name, now_ms) then return false end
  unique_take(name, id, span, now_ms)
  return true
end

local function requeue_job(verb, id, record, state, now_ms)
  if not REQUEUE_FROM[verb][state] then return state end
  if verb == 'retry' and not take_key(id, record, now_ms) then return 'held' end
  if state == 'waiting' then
    release_waiting(id, record, {when = 'now', expires = unbond(id).expires}, now_ms)
    return 'ready'
  end
  local rare = rare_of(id, record)
  -- A count, though it is zero, tells the claim that the time to start by does not matter any more.
  if verb == 'retry' then
    batch_again(id, record, state)
    if rare.p then redis.call('HDEL', key('progress'), id) end
    rare = {t = rare.t, a = 0}
    redis.call('HDEL', key('errors'), id)
  end
  redis.call('ZREM', key(state), id)
  redis.call('HDEL', key('results'), id)
  lane_push('RPUSH', id, record, rare)
  return 'ready'
end
