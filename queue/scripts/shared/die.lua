-- A job ends as dead. If the queue names a kind for that, a job of it is made, that carries what is
-- known of the dead one: once for each death, for a repeated call finds no attempt of its to end.
-- The hash `on_dead` holds SCOPE -> KIND; SCOPE is `queue`, or `kind:` and a pattern as handlers
-- have it. The job that is made has D in its header: when it dies itself, none is made for it.
local CARRIED_BYTES_MAX, DAY_MS = 16384, 86400000
local on_dead -- the hash, read when the first job of this call dies

-- An exact kind beats a prefix, a longer prefix a shorter one, and each the queue. nil: none is
-- named.
local function carrier_kind(kind)
  if not on_dead then
    on_dead = {}
    local flat = redis.call('HGETALL', key('on_dead'))
    for i = 1, #flat, 2 do on_dead[flat[i]] = flat[i + 1] end
  end
  local carrier, length = on_dead.queue, 0
  for scope, its in pairs(on_dead) do
    local pattern = scope:match('^kind:(.*)$')
    if pattern == kind then return its end
    if pattern and #pattern > length and pattern_fits(pattern, kind) then
      carrier, length = its, #pattern
    end
  end
  return carrier
end

-- Each character of several bytes becomes one letter; a byte that is left belongs to none.
local function is_utf8(text)
  for _, character in ipairs({
    '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]',
    '[\225-\236\238\239][\128-\191][\128-\191]', '\237[\128-\159][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do text = text:gsub(character, 'x') end
  return not text:find('[\128-\255]')
end

-- RFC 3339 with milliseconds, as times are in all JSON.
local function utc_text(ms)
  local year, day, of_day = 1970, math.floor(ms / DAY_MS), ms % DAY_MS
  local function is_leap() return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end
  local function days() return is_leap() and 366 or 365 end
  while day >= days() do day, year = day - days(), year + 1 end
  local month, lengths = 1, {31, is_leap() and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
  while day >= lengths[month] do day, month = day - lengths[month], month + 1 end
  local second = math.floor(of_day / 1000)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day + 1,
                       math.floor(second / 3600), math.floor(second / 60) % 60, second % 60,
                       of_day % 1000)
end

local function text_about(id, record, rare, now_ms)
  local payload = record:match('^[^\n]*\n[^\n]*\n(.*)$')
  local about = {
    id = queue .. ':' .. id, queue = queue, kind = kind_of(lane_of(record)),
    error = rare.x or cjson.null, reason = rare.w or cjson.null,
    attempts = rare.a or 0, died_at = utc_text(now_ms),
  }
  if #payload <= CARRIED_BYTES_MAX and is_utf8(payload) then about.payload = payload
  else about.payload_bytes = #payload end
  return cjson.encode(about)
end

-- The queue's count of dead jobs names it; if a person gave that id to a job, the dead one does.
local function carrier_id(id, total, now_ms)
  local name = 'dead.' .. integer(total)
  if redis.call('HEXISTS', key('jobs'), name) == 0
      and redis.call('HEXISTS', key('given'), name) == 0 then return name end
  return 'dead.' .. redis.sha1hex(id .. ' ' .. integer(total) .. ' ' .. integer(now_ms))
end

local function die(id, record, rare, now_ms)
  local total = finish(id, record, rare, 'dead', now_ms)
  local kind = not header(record, 'D') and carrier_kind(kind_of(lane_of(record)))
  if not kind then return end
  local made = carrier_id(id, total, now_ms)
  local its = '05:' .. kind .. '\nc=' .. integer(now_ms) .. ' D=1 \n'
      .. text_about(id, record, rare, now_ms)
  redis.call('HSET', key('jobs'), made, its)
  redis.call('HINCRBY', key('meta'), 'enqueued', 1)
  lane_push('RPUSH', made, its, {})
end
