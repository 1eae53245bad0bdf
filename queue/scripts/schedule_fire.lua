#!lua
--@ include key now record pack note wake lane token state tick scheduled forget
--@ include unique outbox batch bond finish stop call history fire
-- schedule_fire: (nothing) -> READY for schedules whose time has come, or for a person who asks. A
-- job that was made before may go RETRY, READY -> CANCELLED. Refused by a full Redis: it adds work.
--
-- KEYS  1 queue
-- ARGV  per fire: NAME, MODE ('tick' | 'miss' | 'run' | 'backfill' | 'heal'), REVISION, WATERMARK,
--       AT, NEXT or '-', MISSED, LIMIT, OVERLAP, EXPIRES_MS (0: as its record says), ID; times in
--       ms. Those of one schedule name the same watermark, or each the time of the one before
-- Gives {now in us, STATUS, watermark, ...}: 'fired' | 'skipped' | 'buffered' | 'missed' | 'ended'
--       | 'behind' | 'edited' | 'removed' | 'early' | 'healed'
local WORDS, now = 11, now_us()
local now_ms = integer(math.floor(now / 1000))
local names, revisions, watermarks, changed = {}, {}, {}, {}
for i = 1, #ARGV, WORDS do names[#names + 1] = ARGV[i] end
local schedules = redis.call('HMGET', key('schedules'), unpack(names))
local records = redis.call('HMGET', key('schedule_jobs'), unpack(names))
for i, text in ipairs(redis.call('HMGET', key('ticks'), unpack(names))) do
  local name = names[i]
  revisions[name] = schedules[i] and schedules[i]:match('^%d+')
  templates[name] = records[i]
  ticks[name] = ticks[name] or text and read_tick(text)
  watermarks[name] = ticks[name] and ticks[name].watermark
end

local function fire_one(fire)
  local tick, at = ticks[fire.name], tonumber(fire.at)
  if not revisions[fire.name] or not templates[fire.name] or not tick then return 'removed' end
  local by_hand = fire.mode == 'run' or fire.mode == 'backfill'
  if not by_hand then
    if fire.revision ~= revisions[fire.name] then return 'edited' end
    local known = fire.watermark == tick.watermark or fire.watermark == watermarks[fire.name]
    if not known or fire.mode ~= 'heal' and at <= tonumber(tick.watermark) then return 'behind' end
    if fire.mode ~= 'heal' and at > tonumber(now_ms) then return 'early' end
  end
  changed[fire.name] = tick
  if by_hand then return fire_by_hand(fire, tick, now_ms) end
  if fire.mode == 'heal' then return heal(fire, tick, now_ms) end
  return fire_at(fire, tick, now_ms)
end

local answer = {now}
for i = 1, #ARGV, WORDS do
  local fire = {name = ARGV[i], mode = ARGV[i + 1], revision = ARGV[i + 2], watermark = ARGV[i + 3],
                at = ARGV[i + 4], next = ARGV[i + 5], missed = ARGV[i + 6], limit = ARGV[i + 7],
                overlap = ARGV[i + 8], expires = ARGV[i + 9], id = ARGV[i + 10]}
  answer[#answer + 1] = fire_one(fire)
  answer[#answer + 1] = ticks[fire.name] and ticks[fire.name].watermark or '0'
end
local pairs_of = {}
for name, tick in pairs(changed) do
  pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = name, tick_text(tick)
end
if #pairs_of > 0 then redis.call('HSET', key('ticks'), unpack(pairs_of)) end
write_jobs()
return answer
