-- Jobs that wait for others stand in the zset `waiting`. The hash `parents` has JSON by job: of,
-- the ids of its parents; ends, how each ended, '' not yet; any: however they end; when, ms and
-- expires: its times once it need not wait. The zset `bonds` holds `PARENT QUEUE:CHILD`, all with
-- score 0, so that those of one parent stand together.
local TOLD_MAX, told = 256, 0 -- children that one script tells of ends itself

-- The header without the time that it was to run at.
local function timeless(fields)
  return ((' ' .. fields):gsub(' r=%d+', '', 1):sub(2))
end

-- It is to run at another time once it need not wait. Gives its header.
local function retime_waiting(id, fields, when, ms)
  local p = cjson.decode(redis.call('HGET', key('parents'), id))
  p.when, p.ms = when, ms
  redis.call('HSET', key('parents'), id, cjson.encode(p))
  return (when == 'at' and 'r=' .. integer(ms) .. ' ' or '') .. timeless(fields)
end

-- It need not wait any more. A delay, and the time to start by, count from here.
local function release_waiting(id, record, p, now_ms)
  local due = p.when == 'at' and p.ms or p.when == 'in' and now_ms + p.ms or now_ms
  local times = p.when == 'at' and '' or 'r=' .. integer(due) .. ' '
  if p.expires then times = 'e=' .. integer(math.max(due, now_ms) + p.expires) .. ' ' .. times end
  local lane, fields, rest = record:match('^([^\n]*\n)([^\n]*)(\n.*)$')
  record = lane .. times .. (p.when == 'at' and fields or timeless(fields)) .. rest
  redis.call('HSET', key('jobs'), id, record)
  redis.call('ZREM', key('waiting'), id)
  if due > now_ms then
    park('scheduled', id, record, rare_of(id, record), due)
    redis.call('PUBLISH', key('due'), integer(due))
  else
    lane_push('RPUSH', id, record, rare_of(id, record))
  end
end

-- Writes down how a parent ended. Gives how many have not; nil: it is none of its parents, or its
-- end is known.
local function note_end(p, parent, outcome)
  local found, left = false, 0
  for i, name in ipairs(p.of) do
    if name == parent and p.ends[i] == '' then p.ends[i], found = outcome, true end
    if p.ends[i] == '' then left = left + 1 end
  end
  return found and left or nil
end

-- A job hears that a parent ended; the second time, nothing happens. `finish` is not needed when
-- the outcome is 'done'.
local function parent_ended(finish, id, parent, outcome, now_ms)
  local text = redis.call('HGET', key('parents'), id)
  local p = text and cjson.decode(text)
  local left = p and note_end(p, parent, outcome)
  if not left then return end
  redis.call('HSET', key('parents'), id, cjson.encode(p))
  if not redis.call('ZSCORE', key('waiting'), id) then return end
  local record = redis.call('HGET', key('jobs'), id)
  if outcome ~= 'done' and not p.any then
    local rare = rare_of(id, record)
    rare.w = 'parent_' .. outcome
    redis.call('ZREM', key('waiting'), id)
    finish(id, record, rare, 'cancelled', now_ms)
  elseif left == 0 then
    release_waiting(id, record, p, now_ms)
  end
end

-- Its children hear how a job ended; what is too much for one script, or elsewhere, by the outbox.
local function tell_children(finish, id, outcome, now_ms)
  local from, to = '[' .. id .. ' ', '(' .. id .. '!'
  local bonds = redis.call('ZRANGE', key('bonds'), from, to, 'BYLEX')
  if #bonds == 0 then return end
  redis.call('ZREMRANGEBYLEX', key('bonds'), from, to)
  local parent = queue .. ':' .. id
  for _, bond in ipairs(bonds) do
    local where, child = bond:match('^%S+ ([^:]+):(.+)$')
    if where == queue and told < TOLD_MAX then
      told = told + 1
      parent_ended(finish, child, parent, outcome, now_ms)
    else
      outbox_add(where, 'end ' .. child .. ' ' .. parent .. ' ' .. outcome)
    end
  end
end

-- It waits no more, or ended before its parents did: those of its queue need not tell it.
-- Gives what is in `parents`.
local function unbond(id)
  local text = redis.call('HGET', key('parents'), id)
  local p = text and cjson.decode(text) or {of = {}}
  for i, parent in ipairs(p.of) do
    local where, name = parent:match('^([^:]+):(.+)$')
    if p.ends[i] == '' and where == queue then
      redis.call('ZREM', key('bonds'), name .. ' ' .. queue .. ':' .. id)
    end
  end
  return p
end

-- A job has ended, or was deleted.
local function job_ended(finish, id, record, outcome, now_ms)
  batch_ended(id, record, outcome, now_ms)
  if record:byte() == 49 and header(record, 'A') then unbond(id) end
  if redis.call('EXISTS', key('bonds')) == 1 then tell_children(finish, id, outcome, now_ms) end
end
