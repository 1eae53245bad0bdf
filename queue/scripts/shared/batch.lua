-- Batches: jobs whose ends are counted together. The hash `batches` holds NAME -> JSON: n, how many
-- have joined; done, dead, cancelled, deleted, how many ended so; opened, closed, completed, in ms;
-- job, the id of what is made at the end, and digest, of its record, which is in `batch_jobs` until
-- then. The set `batch:NAME` has the members that have not ended. A member's header names the batch
-- and when that was opened: B=NAME=MS, for a name may be used again.
local BATCH_RETAIN_MS = 7 * 86400000 -- of complete ones

local function batch_of(name)
  local text = redis.call('HGET', key('batches'), name)
  return text and cjson.decode(text) or nil
end

local function batch_keep(name, b)
  redis.call('HSET', key('batches'), name, cjson.encode(b))
end

-- It is closed and empty. Once, for what is complete stays so; the caller keeps `b`.
local function batch_complete(name, b, now_ms)
  b.completed = now_ms
  redis.call('ZADD', key('batches_until'), integer(now_ms + BATCH_RETAIN_MS), name)
  local record = redis.call('HGET', key('batch_jobs'), name)
  if not record then return end
  local lane, rest = record:match('^([^\n]*\n)(.*)$')
  record = lane .. 'c=' .. integer(now_ms) .. ' ' .. rest
  redis.call('HDEL', key('batch_jobs'), name)
  redis.call('HSET', key('jobs'), b.job, record)
  redis.call('HINCRBY', key('meta'), 'enqueued', 1)
  lane_push('RPUSH', b.job, record, {})
end

local function batch_leave(name, id, outcome, now_ms)
  if redis.call('SREM', key('batch:' .. name), id) == 0 then return end
  local b = batch_of(name)
  if not b then return end
  b[outcome] = (b[outcome] or 0) + 1
  if b.closed and not b.completed and redis.call('EXISTS', key('batch:' .. name)) == 0 then
    batch_complete(name, b, now_ms)
  end
  batch_keep(name, b)
end

local function batch_named(record)
  local text = record:byte() == 49 and header(record, 'B')
  if text then return text:match('^([^=]+)=(%d+)$') end
end

-- A job has ended, or was deleted. The second time, nothing happens.
local function batch_ended(id, record, outcome, now_ms)
  local name = batch_named(record)
  if name then batch_leave(name, id, outcome, now_ms) end
end

-- One that had ended is retried: its batch waits for it again, unless that is complete.
local function batch_again(id, record, state)
  local name, opened = batch_named(record)
  local b = name and batch_of(name)
  if not b or b.completed or b.opened ~= tonumber(opened) then return end
  if redis.call('SADD', key('batch:' .. name), id) == 0 then return end
  b[state] = math.max((b[state] or 0) - 1, 0)
  batch_keep(name, b)
end
