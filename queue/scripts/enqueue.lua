#!lua
--@ include now key record pack note note_one hint wake lane given call meta lease push state
--@ include unique unique_take rewrite make
-- enqueue: (nothing) -> READY or SCHEDULED; a single job, when a server waits for one: ACTIVE. What
-- one plain job needs is in enqueue_one. What is replaced: SCHEDULED, RETRY, READY -> READY or
-- SCHEDULED. Refused by a full Redis, for it adds work.
--
-- KEYS  1 queue
-- ARGV  1 call id: the answer is remembered by it for a minute   2 number of lanes with plain jobs
--       per lane: LANE, n, jobs, ID..., ID RECORD ID RECORD ...   made ids, due now, class '0', or
--       packs of such
--       then per other job: ID, WHEN ('now' | 'in' | 'at'), MS, DIGEST or '', HEAD, TAIL, WISH
--       ('', or JSON: unique, span, replace)
-- Gives {'ok', index, status, ...} for those others that are not new: 'existing' | 'existing ID',
--       for that job holds its unique key | 'replaced ID', which took over what this one says |
--       'conflict'; index from 0. {'busy', why}: none was made; see guard
local now_ms = math.ceil(now_us() / 1000)
local given = remembered(ARGV[1])
if given then return cjson.decode(given) end

local WORDS, at, adding = 7, 3, 0
if guarded then
--@ include guard
  for _ = 1, tonumber(ARGV[2]) do
    adding, at = adding + tonumber(ARGV[at + 2]), at + 3 + 3 * ARGV[at + 1]
  end
  local why = refusal(adding + (#ARGV - at + 1) / WORDS)
  if why then return why end
end

local added, packed = 0, 0
at = 3
for _ = 1, tonumber(ARGV[2]) do
  local lane, n, jobs = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local ids, records, after = at + 3, at + 3 + n, at + 3 + 3 * n
  redis.call('HSET', key('jobs'), unpack(ARGV, records, after - 1))
  redis.call('RPUSH', key('lane:' .. lane), unpack(ARGV, ids, records - 1))
  if lane_join(lane) then wake(kind_of(lane)) end
  note('ready', ARGV, ids, records - 1)
  at, added, packed = after, added + jobs, packed + jobs - n
end

local answer = {'ok'}
for index = 0, (#ARGV - at + 1) / WORDS - 1 do
  local status = make(now_ms, unpack(ARGV, at + WORDS * index, at + WORDS * index + WORDS - 1))
  if status then answer[#answer + 1], answer[#answer + 2] = index, status
  else added = added + 1 end
end
redis.call('HINCRBY', key('meta'), 'enqueued', added)
if packed > 0 then redis.call('HINCRBY', key('meta'), 'packed_ready', packed) end
remember(ARGV[1], cjson.encode(answer))
return answer
