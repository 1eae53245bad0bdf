#!lua flags=allow-oom
--@ include now key
-- watch: somebody wants to hear what becomes of the jobs of this queue; to be repeated before the
-- time is over. Changes no job. Others may watch besides, each for a time of its own: `watched` is
-- `MODE=UNTIL_MS ...`, with those whose time is not over.
--
-- KEYS  1 queue
-- ARGV  1 seconds   2 modes, see note: 'w' who waits for jobs, 'f' who follows the queue, 'fk' and
--       wants their kinds
-- Gives {'ok'}
local UNTIL_MAX_MS = 3600000 -- ahead of now; further, the clock stepped back
local now_ms, last = math.floor(now_us() / 1000), 0
local text, words = redis.call('GET', key('watched')) or '', {}
if text == '1' then text = 'w=' .. integer(now_ms + 30000) end -- of an older program
for _, mode in ipairs({'w', 'f', 'k'}) do
  local until_ms = math.min(tonumber(text:match(mode .. '=(%d+)') or 0), now_ms + UNTIL_MAX_MS)
  if ARGV[2]:find(mode, 1, true) then until_ms = math.max(until_ms, now_ms + ARGV[1] * 1000) end
  if until_ms > now_ms then words[#words + 1] = mode .. '=' .. integer(until_ms) end
  last = math.max(last, until_ms)
end
redis.call('SET', key('watched'), table.concat(words, ' '), 'PX', integer(last - now_ms))
return {'ok'}
