-- What the last attempts failed of, in the hash `errors`: [[attempt, ms, text], ...], the oldest
-- first. They go with the job.
local ERRORS_MAX, ERROR_KEPT_BYTES = 10, 512

-- A character that is cut goes as a whole.
local function cut_text(text)
  if #text <= ERROR_KEPT_BYTES then return text end
  local last = ERROR_KEPT_BYTES
  while last > 0 and math.floor(text:byte(last + 1) / 64) == 2 do last = last - 1 end
  return text:sub(1, last)
end

local function remember_error(id, attempt, now_ms, text)
  local known = redis.call('HGET', key('errors'), id)
  local list = known and cjson.decode(known) or {}
  list[#list + 1] = {attempt, now_ms, cut_text(text)}
  if #list > ERRORS_MAX then table.remove(list, 1) end
  redis.call('HSET', key('errors'), id, cjson.encode(list))
end
