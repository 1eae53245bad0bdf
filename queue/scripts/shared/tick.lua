-- How far a schedule has fired, in the hash `ticks`: NAME -> `WATERMARK LAST_FIRE NEXT FIRES
-- LAST_JOB RUN_FROM DONE_FROM DONE_TO BEFORE`, '-' for none, times in ms. RUN_FROM is the first of
-- the times that were fired one after the other up to the watermark. DONE_FROM to DONE_TO were
-- fired before the clock stepped back. BEFORE is the watermark before this one.
local TICK = '^(%S+) (%S+) (%S+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+)$'

local function read_tick(text)
  local watermark, last_fire, next_ms, fires, last_job, run_from, done_from, done_to, before =
      text:match(TICK)
  return fires and {watermark = watermark, last_fire = last_fire, next = next_ms,
                    fires = tonumber(fires), last_job = last_job, run_from = run_from,
                    done_from = done_from, done_to = done_to, before = before}
end

local function tick_text(t)
  return t.watermark .. ' ' .. t.last_fire .. ' ' .. t.next .. ' ' .. t.fires .. ' ' .. t.last_job
      .. ' ' .. t.run_from .. ' ' .. t.done_from .. ' ' .. t.done_to
      .. ' ' .. t.before
end

local function new_tick(now_ms)
  return read_tick(integer(now_ms) .. ' - - 0 - - - - -')
end

-- Each is read once, so that all parts of a script see the same one. nil: there is none.
local ticks = {}

local function tick_of(name)
  if not ticks[name] then
    local text = redis.call('HGET', key('ticks'), name)
    ticks[name] = text and read_tick(text)
  end
  return ticks[name] or nil
end
