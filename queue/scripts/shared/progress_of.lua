-- `PERCENT AT_MS NOTE` of a job, or `PERCENT AT_MS`; false: it has told none, and so does not pay.
local function progress_of(id, rare)
  return rare and rare:find('"p":1', 1, true) and redis.call('HGET', key('progress'), id) or false
end
