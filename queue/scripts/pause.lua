#!lua flags=allow-oom
--@ include key record pack note wake
-- pause: claims on this queue stop, or go on; leases and what is due are not touched.
--
-- KEYS  1 queue
-- ARGV  1 'pause' | 'resume'
-- Gives 1 when that changed something, else 0
local LANES_MAX = 64
local changed
if ARGV[1] == 'pause' then
  changed = redis.call('HSETNX', key('meta'), 'paused', 1)
else
  changed = redis.call('HDEL', key('meta'), 'paused')
  local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
  for _, lane in ipairs(lanes) do wake(kind_of(lane)) end
end
if changed == 1 then note(ARGV[1], {}) end
return changed
