-- Why so many jobs must not be added now; nil: they may. Only for a queue that is guarded: counts
-- what has not ended, and measures the records by a sample of them.
local USAGE_SAMPLES = 16

local function refusal(adding)
  if meta[3] then return {'busy', 'draining'} end
  if tonumber(meta[6] or 0) > now_us() / 1000 then return {'busy', 'memory'} end
  if meta[4] then
    local packed, have = redis.call('HMGET', key('meta'), 'packed_ready', 'packed_active')
    have = redis.call('HLEN', key('jobs')) + (packed[1] or 0) + (packed[2] or 0)
    for _, state in ipairs({'done', 'dead', 'cancelled'}) do
      have = have - redis.call('ZCARD', key(state))
    end
    if have + adding > tonumber(meta[4]) then return {'busy', 'jobs'} end
  end
  local bytes = meta[5]
      and redis.call('MEMORY', 'USAGE', key('jobs'), 'SAMPLES', USAGE_SAMPLES) or 0
  if bytes > tonumber(meta[5] or bytes) then return {'busy', 'bytes'} end
end
