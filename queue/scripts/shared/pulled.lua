-- What was claimed was pulled: says so. A lease ends with its attempt at the latest, for no program
-- of ours looks at the time; the token stays what it is.
local function keep_pulled(workers)
  local now_ms, fields, worker, left = integer(math.floor(batch.now / 1000)), {}, nil, 0
  local next_worker = workers:gmatch('(%S+) (%d+)')
  for i, id in ipairs(batch.ids) do
    if left == 0 then worker, left = next_worker() end
    left = left - 1
    fields[2 * i - 1], fields[2 * i] = id, now_ms .. ' ' .. worker
    local timeout_ms = timeout_of(batch.records[i])
    if timeout_ms < tonumber(header(batch.records[i], 'l') or batch.lease_ms) then
      redis.call('HSET', key('tokens'), id, redis.call('ZSCORE', key('active'), id))
      redis.call('ZADD', key('active'), integer(batch.now + timeout_ms * 1000), id)
    end
  end
  redis.call('HSET', key('pulled'), unpack(fields))
end

keep_pulled(ARGV[7])
