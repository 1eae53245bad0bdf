-- What is to be told to another queue, or later: the list `outbox` of `SEQUENCE QUEUE WHAT`, where
-- WHAT is for the script tell. Any server relays it, and then trims it by sequence number. One that
-- could not be told comes again as `SEQUENCE/TRIES QUEUE WHAT`; in the end it is in `untold`.
local outbox_is_heard = false

local function outbox_add(to, what, tries)
  local sequence = integer(redis.call('HINCRBY', key('meta'), 'outbox', 1))
  if tries then sequence = sequence .. '/' .. integer(tries) end
  redis.call('RPUSH', key('outbox'), sequence .. ' ' .. to .. ' ' .. what)
  if tries then return end -- there is no hurry
  if not outbox_is_heard then redis.call('PUBLISH', key('due'), 'outbox') end
  outbox_is_heard = true
end
