#!lua flags=allow-oom
--@ include key now record pack note wake lane token
--@ include limit unpark hold attempt tick scheduled forget unique outbox batch bond finish
-- release: ACTIVE -> READY, to the front and uncharged; CANCELLED when it was marked.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN ...
-- Gives {index, 'stale', ...} for jobs that were not ours (index from 0); a repeated one is ours
local now_ms, answer = math.floor(now_us() / 1000), {}
local released = {ready = true, cancelled = true}

-- From the last to the first, so that the first is in front again.
for i = #ARGV - 1, 1, -2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local record = redis.call('HGET', key('jobs'), id) or lift(id, token)
  local rare = record and rare_of(id, record) or {}
  if record and owns(id, token) then
    local mark = end_attempt(id)
    rare.t, rare.o, rare.w = token, mark and 'cancelled' or 'ready', mark
    if mark then
      finish(id, record, rare, 'cancelled', now_ms)
    else
      lane_push('LPUSH', id, record, rare)
    end
  elseif rare.t ~= token or not released[rare.o] then
    answer[#answer + 1], answer[#answer + 2] = (i - 1) / 2, 'stale'
  end
end
return answer
