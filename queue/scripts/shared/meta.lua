-- What an enqueue must know of the queue, in one look: paused, limits; and what may refuse new
-- jobs: draining, max_jobs, max_bytes, full_until (Redis is nearly full, until that time in ms
-- unless it is said again).
local meta = redis.call('HMGET', key('meta'), 'paused', 'limits', 'draining', 'max_jobs',
                        'max_bytes', 'full_until')
local guarded = meta[3] or meta[4] or meta[5] or meta[6]
