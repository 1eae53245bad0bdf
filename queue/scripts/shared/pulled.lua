-- What was claimed was pulled. A lease ends with its attempt at the latest, for no program of ours
-- looks at the time; the token stays what it is. Then the names of the workers.
local function shorten(id, record)
  local token = redis.call('ZSCORE', key('active'), id)
  local end_ms = pulled_since(token, record) + timeout_of(record)
  if end_ms * 1000 >= tonumber(token) then return end
  redis.call('HSET', key('tokens'), id, token)
  redis.call('ZADD', key('active'), integer(end_ms * 1000), id)
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

for i, record in ipairs(batch.records) do
  if not record:find('^[^\n]*\n\n') and header(record, 't') then shorten(batch.ids[i], record) end
end
name_workers(ARGV[7])
