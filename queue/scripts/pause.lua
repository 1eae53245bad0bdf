#!lua flags=allow-oom
--@ include key record pack note wake
-- pause: claims on this queue stop, or go on; leases and what is due are not touched. drain: no new
-- jobs are taken, until undrain or resume; what is there goes on.
--
-- KEYS  1 queue
-- ARGV  1 'pause' | 'resume' | 'drain' | 'undrain'
-- Gives 1 when that changed something, else 0
local LANES_MAX = 64
local changed
if ARGV[1] == 'pause' then
  changed = redis.call('HSETNX', key('meta'), 'paused', 1)
elseif ARGV[1] == 'drain' then
  changed = redis.call('HSETNX', key('meta'), 'draining', 1)
elseif ARGV[1] == 'undrain' then
  changed = redis.call('HDEL', key('meta'), 'draining')
else
  changed = math.min(1, redis.call('HDEL', key('meta'), 'paused', 'draining'))
  local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
  for _, lane in ipairs(lanes) do wake(kind_of(lane)) end
end
if changed == 1 then note(ARGV[1], {}) end
return changed
