-- Jobs of schedules. The hash `schedule_jobs` holds NAME -> the record of its jobs without their
-- times, in which `x=MS ` may come first: they expire that long after their fire. Made jobs are
-- collected and written together: their ids are new, so no ghost has their name.
local function nothing_made()
  return {ids = {}, fields = {}, lanes = {}, peers = {}, has = {}}
end

local making = nothing_made()

local function make_job(template, id, fire_ms, expires_ms)
  local head = template:find('\n', 1, true)
  local lane = template:sub(2, head - 1)
  local times = 'r=' .. fire_ms .. ' '
  expires_ms = expires_ms ~= '0' and expires_ms or template:match('^x=(%d+)', head + 1)
  if expires_ms then times = 'e=' .. integer(fire_ms + expires_ms) .. ' ' .. times end
  local fields, peers = making.fields, making.peers[lane]
  if not peers then
    peers, making.lanes[#making.lanes + 1] = {}, lane
    making.peers[lane] = peers
  end
  peers[#peers + 1], making.ids[#making.ids + 1], making.has[id] = id, id, true
  fields[#fields + 1] = id
  fields[#fields + 1] = template:sub(1, head) .. times .. template:sub(head + 1)
end

local function write_jobs()
  if #making.ids == 0 then return end
  redis.call('HSET', key('jobs'), unpack(making.fields))
  redis.call('HINCRBY', key('meta'), 'enqueued', #making.ids)
  for _, lane in ipairs(making.lanes) do
    redis.call('RPUSH', key('lane:' .. lane), unpack(making.peers[lane]))
    if lane_join(lane) then wake(kind_of(lane)) end
  end
  note('ready', making.ids)
  making = nothing_made()
end

-- Fires that wait for the last job of their schedule to end are in the hash `buffered`: NAME ->
-- `FIRE_MS ID EXPIRES_MS`. Mostly there is none in the whole queue, so that is asked first, once.
local any_buffered

local function buffered_text(name)
  any_buffered = any_buffered or redis.call('EXISTS', key('buffered'))
  return any_buffered == 1 and redis.call('HGET', key('buffered'), name)
end

local function buffer(name, text)
  any_buffered = 1
  redis.call('HSET', key('buffered'), name, text)
end

-- Gives name, tick and that text if this job is the one.
local function buffered_behind(id, record)
  local name = record:byte() == 49 and header(record, 's')
  local text = name and buffered_text(name)
  local tick = text and tick_of(name)
  if tick and tick.last_job == id then return name, tick, text end
end

local function make_buffered(name, tick, text)
  local template = redis.call('HGET', key('schedule_jobs'), name)
  local fire_ms, id, expires_ms = text:match('^(%d+) (%S+) (%d+)$')
  redis.call('HDEL', key('buffered'), name)
  make_job(template, id, fire_ms, expires_ms)
  tick.fires, tick.last_fire, tick.last_job = tick.fires + 1, fire_ms, id
  redis.call('HSET', key('ticks'), name, tick_text(tick))
end

-- The fire that made this job gets its end. Mostly it is the newest one, and fires that made no job
-- may stand before it; one that is too old is not remembered any more.
local function remember_end(name, id, state)
  local list, job = key('history:' .. name), '"job":"' .. id .. '"'
  local function try(entry, i)
    if not entry or not entry:find(job, 1, true) then return false end
    local rest = entry:gsub(',"end":"%a+"', ''):sub(1, -2)
    return redis.call('LSET', list, i, rest .. ',"end":"' .. state .. '"}')
  end
  if try(redis.call('LINDEX', list, 0), 0) then return end
  for i, entry in ipairs(redis.call('LRANGE', list, 1, -1)) do
    if try(entry, i) then return end
  end
end

-- A job ended, or was deleted (state nil): if a schedule made it, what waited for it is made.
local function scheduled_ended(id, record, state)
  local name = record:byte() == 49 and header(record, 's')
  if not name then return end
  if state then remember_end(name, id, state) end
  local _, tick, text = buffered_behind(id, record)
  if not tick then return end
  make_buffered(name, tick, text)
  write_jobs()
end
