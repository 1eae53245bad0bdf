#!lua
--@ include key record pack note wake lane state ended
-- requeue: DEAD, CANCELLED, DONE -> READY with counters at zero (verb 'retry');
--          SCHEDULED, RETRY -> READY now (verb 'run'). Refused by a full Redis, for it adds work.
--
-- KEYS  1 queue
-- ARGV  1 verb   2.. ID ...
-- Gives one status per item: 'ready' | 'not_found' | the state that does not allow it
local from = {retry = {dead = true, cancelled = true, done = true},
              run = {scheduled = true, retry = true}}
local answer = {}

local function requeue_one(id)
  local record, state = find_job(id)
  if not state then return recall(id) and 'done' or 'not_found' end
  if not from[ARGV[1]][state] then return state end
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
