#!lua flags=allow-oom
--@ include key now record pack note wake lane token limit unpark hold attempt tick
--@ include scheduled forget unique outbox batch bond finish die leased back
-- take_back: ACTIVE -> READY for what this server's seat holds and nobody works at: all that a
-- former life of the server held; or, of a living one that has just renewed what it knows, what was
-- never renewed: its claim's answer, or what was pushed to it, was lost. The latest lease first, so
-- the earliest is in front. From here on nothing is pushed to it until it claims again.
--
-- KEYS  1 queue
-- ARGV  1 server   2 'all' | 'unheard'   3 rank in `active` from the end, to go on from (0 first)
--       4 limit
-- Gives {taken, rank to go on from, or -1 at the end}
local now_ms, limit = math.floor(now_us() / 1000), tonumber(ARGV[4])
local seat = tonumber(redis.call('HGET', key('seats'), ARGV[1]) or -1)
local from, all = tonumber(ARGV[3]), ARGV[2] == 'all'
local page = redis.call('ZRANGE', key('active'), from, from + limit - 1, 'REV', 'WITHSCORES')
local taken, removed, seen = 0, 0, 0

idle_leave(ARGV[1])

for i = 1, #page, 2 do
  if taken >= limit then break end
  seen = seen + 1
  local heard = redis.call('HGET', key('tokens'), page[i])
  if tonumber(heard or page[i + 1]) % 1000 == seat and (all or not heard) then
    taken, removed = taken + take_back_all(page[i], page[i + 1], now_ms), removed + 1
  end
end
return {taken, seen < limit and seen == #page / 2 and -1 or from + seen - removed}
