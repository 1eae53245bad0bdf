-- Dead and cancelled jobs are kept that long, and that many of each; `meta` may say otherwise.
local KEEP_MS, KEEP_JOBS = 30 * 86400000, 100000

local function retention()
  local own = redis.call('HMGET', key('meta'), 'keep_ms', 'keep_jobs')
  return tonumber(own[1] or KEEP_MS), tonumber(own[2] or KEEP_JOBS)
end
