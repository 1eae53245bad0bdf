#!lua flags=allow-oom
--@ include key outbox_read
-- relay: what is to be told elsewhere; what was told before is trimmed, by sequence number, so that
-- two servers which relay at once trim nothing that is still to be told. What cannot be read is set
-- aside, in `untold`.
--
-- KEYS  1 queue
-- ARGV  1 the sequence number up to which all was told; 0: none   2 limit
-- Gives {'SEQUENCE QUEUE WHAT' | 'SEQUENCE/TRIES QUEUE WHAT', ...}, the oldest first; what may be
--       told twice
local told = tonumber(ARGV[1])

for _ = 1, tonumber(ARGV[2]) do
  local head = redis.call('LINDEX', key('outbox'), 0)
  local entry = head and outbox_entry(head)
  if not head or entry and entry.sequence > told then break end
  if not entry then redis.call('RPUSH', key('untold'), head) end
  redis.call('LPOP', key('outbox'))
end
return redis.call('LRANGE', key('outbox'), 0, ARGV[2] - 1)
