-- An id given by a person outlives its job by a day, with the digest of its content.
local GIVEN_MS = 86400000

local function forget(id, record, now_ms)
  local digest = record and header(record, 'g')
  if digest then
    redis.call('HSET', key('given'), id, digest)
    redis.call('ZADD', key('given_until'), integer(now_ms + GIVEN_MS), id)
  end
  if record and record:byte() == 49 and header(record, 'A') then
    redis.call('HDEL', key('parents'), id)
  end
  redis.call('HDEL', key('jobs'), id)
  if redis.call('HDEL', key('rare'), id) == 1 then
    redis.call('HDEL', key('errors'), id)
    redis.call('HDEL', key('progress'), id)
  end
  redis.call('HDEL', key('results'), id)
end
