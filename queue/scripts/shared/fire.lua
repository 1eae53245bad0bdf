-- One fire of a schedule, whose watermark was moved to it. `now_ms` is text.
local templates = {} -- records of jobs: NAME -> what `schedule_jobs` has

local function remember_fire(fire, now_ms, outcome)
  local job = fire.makes and '"' .. fire.id .. '"' or 'null'
  local entry = '{"fire_time":' .. fire.at .. ',"fired_at":' .. now_ms .. ',"outcome":"' .. outcome
      .. '","job":' .. job .. ',"missed":' .. fire.missed .. '}'
  history_push(fire.name, entry)
  if watched('f') then
    local words = {'fire', fire.name, fire.at, outcome, fire.makes and fire.id or '-'}
    redis.call('PUBLISH', key('feed'), table.concat(words, ' '))
  end
  return outcome
end

local function make_fire(fire, now_ms, outcome)
  make_job(templates[fire.name], fire.id, fire.at, fire.expires)
  fire.makes = true
  return remember_fire(fire, now_ms, outcome)
end

-- It is the last job of its schedule, and counts; outcome: 'fired' or 'replaced'.
local function fire_job(fire, tick, now_ms, outcome)
  tick.fires, tick.last_fire, tick.last_job = tick.fires + 1, fire.at, fire.id
  return make_fire(fire, now_ms, outcome)
end

local function buffer_fire(fire, now_ms)
  buffer(fire.name, fire.at .. ' ' .. fire.id .. ' ' .. fire.expires)
  fire.makes = true
  return remember_fire(fire, now_ms, 'buffered')
end

-- Where a job stands that has not ended; and its score. nil: it has, or it never was.
local function standing(id)
  if id == '-' then return end
  if making.has[id] then write_jobs() end
  if redis.call('HEXISTS', key('jobs'), id) == 0 then return end
  local state, score = state_of(id)
  if state ~= 'done' and state ~= 'dead' and state ~= 'cancelled' then return state, score end
end

local function stop_last(tick, state, score, now_ms)
  local record = redis.call('HGET', key('jobs'), tick.last_job)
  return stop_job(tick.last_job, record, state, score, 'superseded', tonumber(now_ms))
end

-- Where the last job stands that is in the way of another; nil: none is. One that waits in retry is
-- not: it is cancelled. What waited for a job that is gone comes first.
local function in_the_way(fire, tick, now_ms)
  local state, score = standing(tick.last_job)
  if state == 'retry' then
    stop_last(tick, state, score, now_ms)
    state, score = standing(tick.last_job)
  end
  local text = not state and buffered_text(fire.name)
  if not text then return state, score end
  make_buffered(fire.name, tick, text)
  return standing(tick.last_job)
end

local function fire_as_overlap_says(fire, tick, now_ms)
  if fire.overlap == 'allow' then return fire_job(fire, tick, now_ms, 'fired') end
  local state, score = in_the_way(fire, tick, now_ms)
  if not state then return fire_job(fire, tick, now_ms, 'fired') end
  if fire.overlap == 'skip' or fire.overlap == 'queue' and buffered_text(fire.name) then
    return remember_fire(fire, now_ms, 'skipped')
  end
  if fire.overlap == 'queue' then return buffer_fire(fire, now_ms) end
  redis.call('HDEL', key('buffered'), fire.name)
  if stop_last(tick, state, score, now_ms) == 'marked' then return buffer_fire(fire, now_ms) end
  return fire_job(fire, tick, now_ms, 'replaced')
end

-- Was this time fired before the clock stepped back?
local function is_done(tick, at)
  return tick.done_to ~= '-' and tonumber(tick.done_from) <= at and at <= tonumber(tick.done_to)
end

local function fire_at(fire, tick, now_ms)
  local limit, done = tonumber(fire.limit), is_done(tick, tonumber(fire.at))
  local begins = fire.missed ~= '0' or fire.mode == 'miss' or tick.run_from == '-'
  tick.before, tick.watermark, tick.next = tick.watermark, fire.at, fire.next
  if begins then tick.run_from = fire.mode == 'miss' and '-' or fire.at end
  if done then return 'missed' end
  if fire.mode == 'miss' then return remember_fire(fire, now_ms, 'missed') end
  local waits = limit > 0 and fire.overlap ~= 'replace' and buffered_text(fire.name) and 1 or 0
  if limit > 0 and tick.fires + waits >= limit then
    tick.next = '-'
    return 'ended'
  end
  local outcome = fire_as_overlap_says(fire, tick, now_ms)
  return outcome == 'replaced' and 'fired' or outcome
end

-- The clock stepped back: the watermark comes back to it. If what was fired without a gap began
-- ahead of now, it was the clock that had jumped: those times will be passed over. Else they come
-- again, as the clock does; but one that stands alone ahead of now is not fired twice.
local function heal(fire, tick, now_ms)
  local now, from, to = tonumber(now_ms), tonumber(tick.run_from), tonumber(tick.watermark)
  if to <= now then return 'behind' end
  if from and from <= now and (tonumber(tick.before) or to) <= now then from = to end
  if from and from > now then
    local done_from, done_to = tonumber(tick.done_from), tonumber(tick.done_to)
    if done_to and done_from <= to and from <= done_to then
      from, to = math.min(from, done_from), math.max(to, done_to)
    end
    tick.done_from, tick.done_to, tick.run_from = integer(from), integer(to), '-'
  end
  tick.before, tick.watermark, tick.next = '-', now_ms, fire.next
  return 'healed'
end

-- By a person: made whatever runs, and once, though the call is repeated.
local function fire_by_hand(fire, tick, now_ms)
  if not remember(fire.id, '') then return 'fired' end
  if fire.mode == 'run' then tick.last_job = fire.id end
  make_fire(fire, now_ms, fire.mode == 'run' and 'run' or 'backfilled')
  return 'fired'
end
