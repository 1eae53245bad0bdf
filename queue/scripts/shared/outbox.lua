-- What is to be told to another queue, or later: the list `outbox` of `SEQUENCE QUEUE WHAT`, where
-- WHAT is for the script tell. Any server relays it, and then trims it by sequence number.
local outbox_is_heard = false

local function outbox_add(to, what)
  local sequence = redis.call('HINCRBY', key('meta'), 'outbox', 1)
  redis.call('RPUSH', key('outbox'), integer(sequence) .. ' ' .. to .. ' ' .. what)
  if not outbox_is_heard then redis.call('PUBLISH', key('due'), 'outbox') end
  outbox_is_heard = true
end
