#!lua flags=allow-oom
--@ include key now note record wake lane token finish back
-- take_back: ACTIVE -> READY for what a former life of this server held, before it claims anew; the
-- latest lease first, so that the earliest is in front.
--
-- KEYS  1 queue
-- ARGV  1 server   2 rank in `active` from the end, to go on from (0 first)   3 limit
-- Gives {taken, rank to go on from, or -1 at the end}
local now_ms, limit = math.floor(now_us() / 1000), tonumber(ARGV[3])
local seat = tonumber(redis.call('HGET', key('seats'), ARGV[1]) or -1)
local from = tonumber(ARGV[2])
local page = redis.call('ZRANGE', key('active'), from, from + limit - 1, 'REV', 'WITHSCORES')
local taken = 0

for i = 1, #page, 2 do
  if tonumber(token_of(page[i], page[i + 1])) % 1000 == seat then
    take_back(page[i], page[i + 1], now_ms)
    taken = taken + 1
  end
end
return {taken, #page < 2 * limit and -1 or from + limit - taken}
