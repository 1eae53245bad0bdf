-- Changes jobs of one state in steps. A step looks at walk.looks entries; it stops before when
-- walk.changes jobs were changed or walk.bytes of records were read, and gives a cursor: `UNTIL`,
-- or `UNTIL PLACE`. All steps of a walk are about what was there at UNTIL, so that jobs which come
-- back meanwhile do not keep it going. What was made elsewhere has the clock of its
-- client: it may be that much ahead.
local MADE_AHEAD_MS = 1000
local walk = {looked = 0, changed = 0}

-- From ARGV[2] on: STATE, cursor or '', looks, changes, bytes, filter. `change` gives whether it
-- changed the job.
local function walk_begin(now_ms, change)
  local state, cursor, looks, changes, bytes = unpack(ARGV, 2, 6)
  local start, place = cursor:match('^(%d+) ?(.*)$')
  local ended = state == 'dead' or state == 'cancelled' or state == 'done'
  walk.state, walk.place, walk.change = state, place or '', change
  walk.until_ms = tonumber(start) or now_ms
  walk.looks, walk.changes, walk.bytes = tonumber(looks), tonumber(changes), tonumber(bytes)
  walk.filter = filter_from(7, walk.until_ms)
  walk.filter.aged = true
  walk.filter.last = math.min(walk.filter.last, walk.until_ms + (ended and 0 or MADE_AHEAD_MS))
  walk.dated = ended and state ~= 'done' -- the set is in the order in which they ended
end

local function walk_full()
  return walk.looks <= 0 or walk.changes <= 0 or walk.bytes <= 0
end

local function walk_changed(n)
  walk.changed, walk.changes = walk.changed + n, walk.changes - n
end

-- Gives whether it was changed, or is to be. rare: its text, false for none.
local function walk_job(id, record, rare, score)
  walk.looks, walk.looked = walk.looks - 1, walk.looked + 1
  walk.bytes = walk.bytes - (record and #record or 0)
  if not record or not passes(walk.filter, id, record, rare, walk.state, score) then return end
  if not walk.change(id, record, score, rare) then return end
  walk_changed(1)
  return true
end

-- The rank to go on from: PLACE is `SCORE NAME` of the last entry that was left as it was.
local function walk_rank()
  local score, name = walk.place:match('^(%d+) (%S+)$')
  local rank = name and redis.call('ZRANK', key(walk.state), name)
  if rank then return rank + 1 end
  if not score and not walk.dated then return 0 end
  score = score or integer(walk.filter.first)
  return redis.call('ZCOUNT', key(walk.state), '-inf', '(' .. score)
end

-- Gives whether it stays in the set.
local function walk_member(name, score, record, rare)
  if not record or not is_pack(name) then return not walk_job(name, record, rare, score) end
  local left, ids, records = false, pack_jobs(name, record)
  for i, id in ipairs(ids) do left = not walk_job(id, records[i], false, score) or left end
  return left
end

-- What ends takes those with it that wait for it, perhaps before they are looked at.
local function has_left(name)
  return walk.state == 'waiting' and not redis.call('ZSCORE', key('waiting'), name)
end

-- Gives the next entries, up to `asked`: their names and scores.
local function walk_page(asked)
  local from, names, scores = walk_rank(), {}, {}
  local page = redis.call('ZRANGE', key(walk.state), from, from + asked - 1, 'WITHSCORES')
  for i = 1, #page / 2 do names[i], scores[i] = page[2 * i - 1], page[2 * i] end
  return names, scores
end

-- Gives whether it has come to the end.
local function walk_set()
  local asked = walk.looks
  local names, scores = walk_page(asked)
  local read, first, records, rares = 0, nil, nil, nil
  for i, name in ipairs(names) do
    if walk.dated and tonumber(scores[i]) > walk.filter.last then return true end
    if i > read then
      local n
      n, records = read_records(names, i, walk.bytes)
      rares = redis.call('HMGET', key('rare'), unpack(names, i, i + n - 1))
      first, read = i, i + n - 1
    end
    local k = i - first + 1
    if has_left(name) then walk.looks, walk.looked = walk.looks - 1, walk.looked + 1
    elseif walk_member(name, scores[i], records[k], rares[k]) or walk.state == 'active' then
      walk.place = scores[i] .. ' ' .. name
    end
    if walk_full() then return false end
  end
  return #names < asked
end

local function walk_answer(ended)
  local place = walk.place ~= '' and ' ' .. walk.place or ''
  return {ended and '' or integer(walk.until_ms) .. place, walk.looked, walk.changed}
end
