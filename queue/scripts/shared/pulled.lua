-- What was claimed was pulled. A lease ends with its attempt at the latest, for no program of ours
-- looks at the time; the token stays what it is. Then the names of the workers.
local function shorten(id, record)
  local score = redis.call('ZSCORE', key('active'), id)
  local token = redis.call('HGET', key('tokens'), id) or score
  local end_ms = pulled_since(token, record) + timeout_of(record)
  if end_ms * 1000 >= tonumber(score) then return end
  redis.call('HSET', key('tokens'), id, token)
  redis.call('ZADD', key('active'), integer(end_ms * 1000), id)
end

-- A token that is later than its lease ends (see lease_again) takes the seat of a longer lease, one
-- that reaches beyond the token before: so it tells when the attempt began all the same; after the
-- longest, almost.
local function reseat(id, record, token)
  if header(record, 'l') or redis.call('HEXISTS', key('tokens'), id) == 0 then return token end
  local now_ms, deadline_ms = math.floor(batch.now / 1000), math.floor(token / 1000)
  for i, lease_ms in ipairs(LEASES) do
    if now_ms + lease_ms >= deadline_ms or i == #LEASES then
      token = integer(math.max(deadline_ms, now_ms + lease_ms) * 1000 + PULL_SEAT + i - 1)
      redis.call('HSET', key('tokens'), id, token)
      break
    end
  end
  return token
end

local function name_workers(workers)
  local fields, at = {}, 0
  for worker, n in workers:gmatch('(%S+) (%d+)') do
    for i = at + 1, worker ~= '-' and math.min(at + n, #batch.ids) or 0 do
      fields[#fields + 1], fields[#fields + 2] = batch.ids[i], worker
    end
    at = at + n
  end
  if #fields > 0 then redis.call('HSET', key('pulled'), unpack(fields)) end
end

for i = 1, #batch.looks, 3 do
  local at = batch.looks[i] + 1
  batch.looks[i + 1] = reseat(batch.ids[at], batch.records[at], batch.looks[i + 1])
end
for i, record in ipairs(batch.records) do
  if not record:find('^[^\n]*\n\n') and header(record, 't') then shorten(batch.ids[i], record) end
end
name_workers(ARGV[7])
