#!lua
--@ include now key record pack note note_one hint wake lane given call meta lease push state
--@ include unique unique_take rewrite
-- enqueue: (nothing) -> READY, SCHEDULED or WAITING; a single job, when a server waits for one:
-- ACTIVE; one whose parents ended otherwise: CANCELLED. What one plain job needs is in enqueue_one.
-- Replaced: SCHEDULED, RETRY, READY -> READY or SCHEDULED. Refused by a full Redis: it adds work.
--
-- KEYS  1 queue
-- ARGV  1 call id: the answer is remembered by it for a minute   2 number of lanes with plain jobs
--       per lane: LANE, n, jobs, ID..., ID RECORD ID RECORD ...   made ids, due now, class '0', or
--       packs of such
--       then per other job: ID, WHEN ('now' | 'in' | 'at'), MS, DIGEST or '', HEAD, TAIL, WISH
--       ('', or JSON: unique, span, replace; after, any, expires; batch)
-- Gives {'ok', index, status, ...} for those others that are not new: 'existing' | 'existing ID',
--       for that job holds its unique key | 'replaced ID', which took over what this one says |
--       'conflict' | 'no_parent N' | 'full_parent N', of `after` | 'closed', its batch; index, N
--       from 0. {'busy', why}: none was made; see guard
local now_ms = math.ceil(now_us() / 1000)
local given = remembered(ARGV[1])
if given then return cjson.decode(given) end

local made
local function bonds() -- here, for few jobs wait or have a batch, and to make functions takes time
  if made then return made end
--@ include ended parent_end tick scheduled forget outbox batch bond finish bond_make batch_make
  made = {parents_of = parents_of, make_waiting = make_waiting, batch = batch_for, join = batch_add}
  return made
end
--@ include make

local WORDS, at, added, packed = 7, 3, 0, 0
if guarded then
--@ include guard
  local adding, from = 0, at
  for _ = 1, tonumber(ARGV[2]) do
    adding, from = adding + tonumber(ARGV[from + 2]), from + 3 + 3 * ARGV[from + 1]
  end
  local why = refusal(adding + (#ARGV - from + 1) / WORDS)
  if why then return why end
end
for _ = 1, tonumber(ARGV[2]) do
  local lane, n, jobs = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local ids, records, after = at + 3, at + 3 + n, at + 3 + 3 * n
  redis.call('HSET', key('jobs'), unpack(ARGV, records, after - 1))
  redis.call('RPUSH', key('lane:' .. lane), unpack(ARGV, ids, records - 1))
  if lane_join(lane) then wake(kind_of(lane)) end
  note('ready', ARGV, ids, records - 1, jobs)
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
