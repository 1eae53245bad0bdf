#!lua flags=allow-oom
--@ include key now hint record wake match retention seat memory past
-- heartbeat: a server serves this queue; what should it look at?
--
-- KEYS  1 queue
-- ARGV  1 server   2 its description (JSON)   3 its channel   4 memory mark in per cent, 0: none
--       5.. PATTERN ... with a free slot
-- Gives {now in us, seat or -1, subscribers of its channel, claimable, next due in ms or '',
--        end of the next lease in us or '', sweep due, idle, edits of schedules, 1 if the outbox
--        has something}
local now = now_us()
local now_ms = integer(math.floor(now / 1000))

local function claimable()
  local meta, shut_to = redis.call('HMGET', key('meta'), 'paused', 'limits'), nil
  if meta[2] then
--@ include limit rate room stepped
    heal_throttled(ARGV[1], tonumber(now_ms))
    if queue_full() then return 0 end
    shut_to = shut
  end
  local lanes = not meta[1] and runnable_lanes({unpack(ARGV, 5)}, shut_to) or {}
  return (next(lanes) or stopped) and 1 or 0
end

-- The oldest kept job of each end, against its retention.
local function sweep_due()
  local function head(name)
    return tonumber(redis.call('ZRANGE', key(name), 0, 0, 'WITHSCORES')[2] or now_ms + 1)
  end
  local keep_ms, keep_jobs = retention()
  local oldest = math.min(head('dead'), head('cancelled')) + keep_ms
  local kept = math.max(redis.call('ZCARD', key('dead')), redis.call('ZCARD', key('cancelled')))
  local first = math.min(head('done'), head('given_until'), head('uniques_until'),
                         head('batches_until'), oldest)
  return (first <= now / 1000 or kept > keep_jobs) and 1 or 0
end

local seat = redis.call('HGET', key('seats'), ARGV[1]) or take_seat(ARGV[1], now_ms)
mark_memory(tonumber(ARGV[4]), now_ms)
remember_totals(tonumber(now_ms))
local able = claimable()
redis.call('HSET', key('servers'), ARGV[1], now_ms .. ' ' .. ARGV[2])
local lease = redis.call('ZRANGE', key('active'), 0, 0, 'WITHSCORES')[2]
local due, heard = next_due(), redis.call('PUBSUB', 'NUMSUB', ARGV[3])[2]
due = due and integer(due) or ''
local idle = redis.call('HEXISTS', key('idle'), ARGV[1])
local edits = tonumber(redis.call('HGET', key('meta'), 'schedules') or 0)
return {now, tonumber(seat), heard, able, due, lease or '', sweep_due(), idle, edits,
        redis.call('EXISTS', key('outbox'))}
