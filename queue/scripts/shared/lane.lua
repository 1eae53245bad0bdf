-- The ring: the zset `lanes` holds every lane that is not empty, all with score 0, so that it is
-- ordered by its text: the priority first. A lane that the limit of its group took off the ring is
-- in the zset `parked` instead. Gives whether claims see it now.
local function lane_join(lane)
  if lane:find('#', 1, true) and redis.call('ZSCORE', key('parked'), lane) then return false end
  redis.call('ZADD', key('lanes'), 0, lane)
  return true
end

-- What stands in the lane for this job, nil for the id itself. A cancelled or moved job leaves its
-- entry behind as a ghost; while one has that name, a fresh one is made: ID~GENERATION.
local function entry_for(id)
  if redis.call('HEXISTS', key('ghosts'), id) == 0 then return nil end
  return id .. '~' .. redis.call('HINCRBY', key('meta'), 'generation', 1)
end

-- Puts one job into its lane. `push` is RPUSH or, to the front, LPUSH.
local function lane_push(push, id, record, rare)
  local lane = lane_of(record)
  rare.e = entry_for(id)
  if next(rare) or record:byte() == 49 then keep_rare(id, record, rare) end
  redis.call(push, key('lane:' .. lane), rare.e or id)
  if lane_join(lane) then wake(kind_of(lane)) end
  note('ready', {id})
end

-- Puts one job aside until it is due. A ghost of its name must not pass for it.
local function park(state, id, record, rare, due_ms)
  rare.e = redis.call('HEXISTS', key('ghosts'), id) == 1 and '' or nil
  if next(rare) then keep_rare(id, record, rare) end
  redis.call('ZADD', key(state), integer(due_ms), id)
  note(state, {id})
end

-- The live entry of a ready job becomes a ghost, which a claim will drop.
local function leave_ghost(id, record, rare)
  redis.call('HSET', key('ghosts'), rare.e or id, lane_of(record))
  rare.e = ''
end
