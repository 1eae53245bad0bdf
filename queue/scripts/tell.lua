#!lua flags=allow-oom
--@ include key now record pack note wake lane token state tick scheduled forget unique
--@ include ended parent_end outbox batch bond bond_make finish
-- tell: what the outbox of some queue says to this one: WAITING -> READY, SCHEDULED or CANCELLED.
-- Said twice, it does nothing.
--
-- KEYS  1 queue
-- ARGV  'end CHILD QUEUE:PARENT OUTCOME': a parent has ended
--       'bond PARENT QUEUE:CHILD': tell that child when this one ends; ...
-- Gives '' per item; to a bond, how that parent has ended already: 'done' | 'dead' | 'cancelled' |
--       'not_found' | 'full', when it has too many children
local now_ms, answer, verbs = math.ceil(now_us() / 1000), {}, {}

verbs['end'] = function(child, parent, outcome)
  parent_ended(finish, child, parent, outcome, now_ms)
end

function verbs.bond(parent, child)
  local outcome = end_of(parent) or 'not_found'
  if outcome ~= '' then return outcome end
  if is_full(parent) then return 'full' end
  redis.call('ZADD', key('bonds'), 0, parent .. ' ' .. child)
end

for i, text in ipairs(ARGV) do
  local words = {}
  for word in text:gmatch('%S+') do words[#words + 1] = word end
  answer[i] = verbs[words[1]](unpack(words, 2)) or ''
end
return answer
