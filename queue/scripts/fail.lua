#!lua flags=allow-oom
--@ include key now record pack note hint wake lane token
--@ include limit unpark hold attempt tick scheduled forget unique outbox batch bond finish
--@ include die errors
-- fail: ACTIVE -> RETRY, or DEAD when no attempt is left, or CANCELLED when it was marked.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN, STARTED_MS, DELAY_MS ('-': do not retry; '~' before it: the attempt does not
--       count), ERROR ...
-- Gives one status per item: 'retry' | 'dead' | 'cancelled' | 'stale'; repeated: the same
local ATTEMPTS_MAX = 25
local outcomes = {retry = 'retry', dead = 'dead', cancelled = 'cancelled'}
-- Rounded up, so that no retry is early.
local now_ms, answer, earliest = math.ceil(now_us() / 1000), {}, next_due()

local function fail_one(record, id, token, started_ms, delay_ms, text)
  local rare = rare_of(id, record)
  if not owns(id, token) then return rare.t == token and outcomes[rare.o] or 'stale' end
  local mark = end_attempt(id)
  local counts = delay_ms:byte() ~= 126
  rare.t, rare.x, rare.a = token, text, counts and (rare.a or 0) + 1 or rare.a
  local left = counts and tonumber(header(record, 'a') or ATTEMPTS_MAX) - rare.a or 1
  local due_ms = now_ms + (tonumber(delay_ms:match('%d+')) or 0)
  rare.s, rare.w = tonumber(started_ms), mark
  rare.o = mark and 'cancelled' or (left <= 0 or delay_ms == '-') and 'dead' or 'retry'
  if rare.o == 'retry' and buffered_behind(id, record) then
    rare.o, rare.w = 'cancelled', 'superseded'
  end
  if counts then
    redis.call('HINCRBY', key('meta'), 'failed', 1)
    remember_error(id, rare.a, now_ms, text)
  end
  if rare.o == 'retry' then
    park('retry', id, record, rare, due_ms)
    earliest = hint(earliest, due_ms)
  elseif rare.o == 'dead' then
    die(id, record, rare, now_ms)
  else
    finish(id, record, rare, rare.o, now_ms)
  end
  return rare.o
end

for i = 1, #ARGV, 5 do
  local record = redis.call('HGET', key('jobs'), ARGV[i]) or lift(ARGV[i], ARGV[i + 1])
  answer[#answer + 1] = record and fail_one(record, unpack(ARGV, i, i + 4)) or 'stale'
end
return answer
