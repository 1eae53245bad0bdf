#!lua
--@ include key now record pack note wake lane state ended unique unique_take
-- requeue: DEAD, CANCELLED, DONE -> READY with counters at zero (verb 'retry');
--          SCHEDULED, RETRY -> READY now (verb 'run'). What is retried takes its unique key again.
--          Refused by a full Redis, for it adds work.
--
-- KEYS  1 queue
-- ARGV  1 verb   2.. ID ...
-- Gives one status per item: 'ready' | 'not_found' | 'held', for another job has its unique key |
--       the state that does not allow it
local from = {retry = {dead = true, cancelled = true, done = true},
              run = {scheduled = true, retry = true}}
local now_ms, answer = math.ceil(now_us() / 1000), {}

-- A key for a time is counted from the enqueue, and has nothing to do with the job any more.
local function take_key(id, record)
  local name, span = unique_of(record)
  if not name or tonumber(span) then return true end
  if unique_holder(name, now_ms) then return false end
  unique_take(name, id, span, now_ms)
  return true
end

local function requeue_one(id)
  local record, state = find_job(id)
  if not state then return recall(id) and 'done' or 'not_found' end
  if not from[ARGV[1]][state] then return state end
  if ARGV[1] == 'retry' and not take_key(id, record) then return 'held' end
  local rare = rare_of(id, record)
  -- A count, though it is zero, tells the claim that the time to start by does not matter any more.
  if ARGV[1] == 'retry' then rare = {t = rare.t, a = 0} end
  redis.call('ZREM', key(state), id)
  redis.call('HDEL', key('results'), id)
  lane_push('RPUSH', id, record, rare)
  return 'ready'
end

for i = 2, #ARGV do answer[i - 1] = requeue_one(ARGV[i]) end
return answer
