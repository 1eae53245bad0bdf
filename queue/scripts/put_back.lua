#!lua flags=allow-oom
--@ include key outbox outbox_read
-- put_back: what could not be told goes to the end of the outbox, so that it holds up nothing; what
-- was tried often enough is set aside, in `untold`.
--
-- KEYS  1 queue
-- ARGV  1 how often an entry is tried   then entries, as relay gave them
-- Gives per entry its new sequence number | 'untold' | '' when it is not there any more: said twice
local answer = {}

for i = 2, #ARGV do
  local text, entry = ARGV[i], outbox_entry(ARGV[i])
  if redis.call('LREM', key('outbox'), 1, text) == 0 then
    answer[i - 1] = ''
  elseif not entry or entry.tries + 1 >= tonumber(ARGV[1]) then
    redis.call('RPUSH', key('untold'), text)
    answer[i - 1] = 'untold'
  else
    outbox_add(entry.to, entry.what, entry.tries + 1)
    answer[i - 1] = redis.call('HGET', key('meta'), 'outbox')
  end
end
return answer
