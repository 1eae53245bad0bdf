#!lua flags=allow-oom
--@ include key note token ended
-- ack: ACTIVE -> DONE, for plain jobs: nothing is kept but the memory of the last ended ones.
--
-- KEYS  1 queue
-- ARGV  per claim: TOKEN, n, 'ID ID ...' (to remember), ID ...
-- Gives {index, 'stale', ...} for jobs that were not ours (index from 0); a repeated ack is ours
local answer, first, at = {}, 0, 1

-- Not a first lease by this token: renewed, ended before, or lost.
local function settle_odd(id, token, index)
  if owns(id, token) then return true end
  if recall(id) ~= token then answer[#answer + 1], answer[#answer + 2] = index, 'stale' end
  return false
end

local function settle(token, text, ids, from, to, renewed)
  if from > to then return end
  redis.call('ZREM', key('active'), unpack(ids, from, to))
  local done = redis.call('HDEL', key('jobs'), unpack(ids, from, to))
  if renewed then redis.call('HDEL', key('tokens'), unpack(ids, from, to)) end
  local marks = key('marks')
  if redis.call('EXISTS', marks) == 1 then redis.call('HDEL', marks, unpack(ids, from, to)) end
  remember(redis.call('HINCRBY', key('meta'), 'done', done), token, text)
  note('done', ids, from, to)
end

while at < #ARGV do
  local token, n, from = ARGV[at], tonumber(ARGV[at + 1]), at + 3
  local scores = redis.call('ZMSCORE', key('active'), unpack(ARGV, from, from + n - 1))
  local renewed, ids = redis.call('EXISTS', key('tokens')) == 1, nil
  renewed = renewed and redis.call('HMGET', key('tokens'), unpack(ARGV, from, from + n - 1))
  for i = 1, n do
    if scores[i] ~= token or renewed and renewed[i] then
      ids = ids or {unpack(ARGV, from, from + i - 2)}
      local id = ARGV[from + i - 1]
      if settle_odd(id, token, first + i - 1) then ids[#ids + 1] = id end
    elseif ids then
      ids[#ids + 1] = ARGV[from + i - 1]
    end
  end
  if ids then
    settle(token, table.concat(ids, ' '), ids, 1, #ids, renewed)
  else
    settle(token, ARGV[at + 2], ARGV, from, from + n - 1, renewed)
  end
  first, at = first + n, from + n
end
return answer
