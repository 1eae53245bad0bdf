#!lua
--@ include now key record note_one wake call meta lease push
-- enqueue_one: (nothing) -> ACTIVE when a server waits for it, else READY. One plain job that is
-- due now, which is what most calls make: as enqueue does it, with little to load and to look at.
-- Refused by a full Redis, for it adds work.
--
-- KEYS  1 queue
-- ARGV  1 call id, remembered for a minute   2 LANE   3 ID, a made one   4 RECORD, of class '0'
-- Gives {'ok'} | {'busy', why}: see guard
local lane, id, record = ARGV[2], ARGV[3], ARGV[4]

if guarded and not remembered(ARGV[1]) then
--@ include guard
  local why = refusal(1)
  if why then return why end
end
if not remember(ARGV[1], '["ok"]') then return {'ok'} end
redis.call('HSET', key('jobs'), id, record)
if not push(lane, id, record) then
  -- Here, for even to make functions takes time that a push does not have.
--@ include lane
  redis.call('RPUSH', key('lane:' .. lane), id)
  if lane_join(lane) then wake(kind_of(lane)) end
  note_one('ready', id, lane)
end
redis.call('HINCRBY', key('meta'), 'enqueued', 1)
return {'ok'}
