#!lua flags=allow-oom
--@ include key note token ended
-- ack: ACTIVE -> DONE, for plain jobs: nothing is kept but the memory of the last ended ones.
--
-- KEYS  1 queue
-- ARGV  per claim: TOKEN, n, 'ID ID ...' (to remember), ID ...
-- Gives {index, 'stale', ...} for jobs that were not ours (index from 0); a repeated ack is ours
local answer, first, at = {}, 0, 1

-- Not a first lease by this token: renewed, ended before, or lost.
local function settle_odd(id, token)
  if owns(id, token) then return true end
  if recall(id) ~= token then answer[#answer + 1], answer[#answer + 2] = first, 'stale' end
  return false
end

while at < #ARGV do
  local token, n, text = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local scores = redis.call('ZMSCORE', key('active'), unpack(ARGV, at + 3, at + 2 + n))
  local renewed, ids = redis.call('EXISTS', key('tokens')) == 1, nil
  renewed = renewed and redis.call('HMGET', key('tokens'), unpack(ARGV, at + 3, at + 2 + n))
  for i = 1, n do
    if scores[i] ~= token or renewed and renewed[i] then
      ids = ids or {unpack(ARGV, at + 3, at + 1 + i)}
      if settle_odd(ARGV[at + 2 + i], token) then ids[#ids + 1] = ARGV[at + 2 + i] end
    elseif ids then
      ids[#ids + 1] = ARGV[at + 2 + i]
    end
    first = first + 1
  end
  ids, text = ids or {unpack(ARGV, at + 3, at + 2 + n)}, ids and table.concat(ids, ' ') or text
  if #ids > 0 then
    redis.call('ZREM', key('active'), unpack(ids))
    local done = redis.call('HDEL', key('jobs'), unpack(ids))
    if renewed then redis.call('HDEL', key('tokens'), unpack(ids)) end
    if redis.call('EXISTS', key('marks')) == 1 then redis.call('HDEL', key('marks'), unpack(ids)) end
    remember(redis.call('HINCRBY', key('meta'), 'done', done), token, text)
    note('done', ids)
  end
  at = at + 3 + n
end
return answer
