-- What an ack does with jobs: `stale` collects {ID, 'stale', ...} of those that were not ours.
local stale = {}

-- A job whose first lease is not this token: renewed, in a pack or lifted out of it, ended before,
-- or lost.
local function still_ours(id, token)
  if owns(id, token) or lift(id, token) and owns(id, token) then return true end
  if recall(id) ~= token then stale[#stale + 1], stale[#stale + 2] = id, 'stale' end
  return false
end

-- Who follows the queue is told of all that a call did at once, by tell_done.
local done_told, done_named = 0, {}

local function note_done(ids, from, count)
  if not watched('f') then return end
  done_told = done_told + count
  for i = from, math.min(#ids, from + math.min(count, FEED_NAMED - #done_named) - 1) do
    done_named[#done_named + 1] = ids[i]
  end
end

local function tell_done()
  if done_told > 0 then note('done', done_named, nil, nil, done_told) end
end

local at_end = {} -- what else the end of jobs concerns: f(ids, from, to); see ack

-- No attempt, no mark; told to whoever watches: who waits for a job, of each; and of all before
-- what follows from it is told.
local function unmark(ids, from, to)
  local marks = key('marks')
  if redis.call('EXISTS', marks) == 1 then redis.call('HDEL', marks, unpack(ids, from, to)) end
  if watched('w') or #at_end > 0 then note('done', ids, from, to, to - from + 1)
  else note_done(ids, from, to - from + 1) end
  for _, tell in ipairs(at_end) do tell(ids, from, to) end
end

-- Jobs that stand for themselves are done; `text` is what to remember of them.
local function settle(token, text, ids, from, to, renewed)
  if from > to then return end
  note_kinds(ids, from, to)
  redis.call('ZREM', key('active'), unpack(ids, from, to))
  local done = redis.call('HDEL', key('jobs'), unpack(ids, from, to))
  if renewed then redis.call('HDEL', key('tokens'), unpack(ids, from, to)) end
  unmark(ids, from, to)
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

-- Single jobs of one claim, from ARGV[from] on.
local function settle_claim(token, n, text, from)
  local scores = redis.call('ZMSCORE', key('active'), unpack(ARGV, from, from + n - 1))
  local renewed, ids = redis.call('EXISTS', key('tokens')) == 1, nil
  renewed = renewed and redis.call('HMGET', key('tokens'), unpack(ARGV, from, from + n - 1))
  for i = 1, n do
    local id = ARGV[from + i - 1]
    if scores[i] ~= token or renewed and renewed[i] then
      ids = ids or {unpack(ARGV, from, from + i - 2)}
      if still_ours(id, token) then ids[#ids + 1] = id end
    elseif ids then
      ids[#ids + 1] = id
    end
  end
  if ids then settle(token, table.concat(ids, ' '), ids, 1, #ids, renewed)
  else settle(token, text, ARGV, from, from + n - 1, renewed) end
end
