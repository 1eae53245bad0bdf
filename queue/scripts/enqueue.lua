#!lua
--@ include now key record pack note note_one hint wake lane given call lease push
-- enqueue: (nothing) -> READY or SCHEDULED; a single job, when a server waits for one: ACTIVE. What
-- one plain job needs is in enqueue_one.
-- Refused by a full Redis, for it adds work.
--
-- KEYS  1 queue
-- ARGV  1 call id: the answer is remembered by it for a minute   2 number of lanes with plain jobs
--       per lane: LANE, n, jobs, ID..., ID RECORD ID RECORD ...   made ids, due now, class '0', or
--       packs of such
--       then per other job: ID, WHEN ('now' | 'in' | 'at'), MS, DIGEST or '', HEAD, TAIL
-- Gives {'ok', index, status, ...} for those others that are not new: 'existing' | 'conflict';
--       index from 0
local now_ms = math.ceil(now_us() / 1000)
local given = remembered(ARGV[1])
if given then return cjson.decode(given) end

-- A ghost must be told from a job that uses its id again: only by an entry in a lane can it be.
local ONE_JOB = 8 -- arguments of a call that makes one job
local function push_alone(id, record)
  return #ARGV == ONE_JOB and record:byte() == 48
      and redis.call('HEXISTS', key('ghosts'), id) == 0 and push(lane_of(record), id, record)
end

local at, added, packed = 3, 0, 0
for _ = 1, tonumber(ARGV[2]) do
  local lane, n, jobs = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local ids, records, after = at + 3, at + 3 + n, at + 3 + 3 * n
  redis.call('HSET', key('jobs'), unpack(ARGV, records, after - 1))
  redis.call('RPUSH', key('lane:' .. lane), unpack(ARGV, ids, records - 1))
  lane_join(lane)
  wake(kind_of(lane))
  note('ready', ARGV, ids, records - 1)
  at, added, packed = after, added + jobs, packed + jobs - n
end

local answer, earliest = {'ok'}, at < #ARGV and next_due()
for index = 0, (#ARGV - at + 1) / 6 - 1 do
  local id, when, ms, digest, head, tail = unpack(ARGV, at + 6 * index, at + 6 * index + 5)
  local status = digest ~= '' and taken_status(id, digest)
  local due = when == 'in' and now_ms + ms or tonumber(ms)
  if status then
    answer[#answer + 1], answer[#answer + 2] = index, status
  else
    local record = head .. (when == 'now' and '' or 'r=' .. integer(due) .. ' ') .. tail
    redis.call('HSET', key('jobs'), id, record)
    if when ~= 'now' and due > now_ms then
      park('scheduled', id, record, {}, due)
      earliest = hint(earliest, due)
    elseif not push_alone(id, record) then
      lane_push('RPUSH', id, record, {})
    end
    added = added + 1
  end
end
redis.call('HINCRBY', key('meta'), 'enqueued', added)
if packed > 0 then redis.call('HINCRBY', key('meta'), 'packed_ready', packed) end
remember(ARGV[1], cjson.encode(answer))
return answer
