-- What an ack does with jobs: `stale` collects {ID, 'stale', ...} of those that were not ours.
local stale = {}

-- A job whose first lease is not this token: renewed, in a pack or lifted out of it, ended before,
-- or lost.
local function still_ours(id, token)
  if owns(id, token) or lift(id, token) and owns(id, token) then return true end
  if recall(id) ~= token then stale[#stale + 1], stale[#stale + 2] = id, 'stale' end
  return false
end

-- No attempt, no mark; told to whoever watches.
local function unmark(ids, from, to)
  local marks = key('marks')
  if redis.call('EXISTS', marks) == 1 then redis.call('HDEL', marks, unpack(ids, from, to)) end
  note('done', ids, from, to)
end

local at_end = {} -- what else the end of jobs concerns: f(ids, from, to); see ack

-- Jobs that stand for themselves are done; `text` is what to remember of them.
local function settle(token, text, ids, from, to, renewed)
  if from > to then return end
  redis.call('ZREM', key('active'), unpack(ids, from, to))
  local done = redis.call('HDEL', key('jobs'), unpack(ids, from, to))
  if renewed then redis.call('HDEL', key('tokens'), unpack(ids, from, to)) end
  unmark(ids, from, to)
  for _, tell in ipairs(at_end) do tell(ids, from, to) end
  remember(redis.call('HINCRBY', key('meta'), 'done', done), token, text)
end

-- Of a pack, those that had left it before: lifted out, or acked by a call whose answer was lost.
local function settle_members(name, token, size, high, low)
  local ours = {}
  for _, id in ipairs(members(name, size, high, low)) do
    if still_ours(id, token) then ours[#ours + 1] = id end
  end
  settle(token, table.concat(ours, ' '), ours, 1, #ours, true)
end
