-- A job that stands nowhere else any more ends: kept for its retention, or forgotten. What waited
-- for it is made, and who waited hears of it.
-- Gives the queue's total of jobs that ended so, and whether it is kept.
local function finish(id, record, rare, state, now_ms)
  local retain_ms = tonumber(header(record, 'k') or 0)
  local total = redis.call('HINCRBY', key('meta'), state, 1)
  local kept = state ~= 'done' or retain_ms > 0
  note_kinds({id}, 1, 1)
  if kept then
    rare.f = now_ms
    keep_rare(id, record, rare)
    redis.call('ZADD', key(state), integer(state == 'done' and now_ms + retain_ms or now_ms), id)
  else
    forget(id, record, now_ms)
  end
  unique_free(id, record)
  note(state, {id})
  scheduled_ended(id, record, state)
  job_ended(finish, id, record, state, now_ms)
  return total, kept
end
