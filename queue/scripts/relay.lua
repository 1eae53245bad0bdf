#!lua flags=allow-oom
--@ include key
-- relay: what is to be told elsewhere; what was told before is trimmed, by sequence number, so that
-- two servers which relay at once trim nothing that is still to be told.
--
-- KEYS  1 queue
-- ARGV  1 the sequence number up to which all was told; 0: none   2 limit
-- Gives {'SEQUENCE QUEUE WHAT', ...}, the oldest first; what may be told twice
local told = tonumber(ARGV[1])

for _ = 1, told > 0 and tonumber(ARGV[2]) or 0 do
  local head = redis.call('LINDEX', key('outbox'), 0)
  if not head or tonumber(head:match('^%d+')) > told then break end
  redis.call('LPOP', key('outbox'))
end
return redis.call('LRANGE', key('outbox'), 0, ARGV[2] - 1)
