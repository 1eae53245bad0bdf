#!lua flags=allow-oom
--@ include key now record pack note hint wake lane unpark allow
-- promote: SCHEDULED, RETRY -> READY for jobs that are due; and what waits for a rate is claimable.
--
-- KEYS  1 queue
-- ARGV  1 limit
-- Gives {promoted, more, time of the next due job in ms or '', now in us}
local CHUNK, BYTES_MAX = 64, 4 * 1024 * 1024
local now, limit = now_us(), tonumber(ARGV[1])
local now_ms = math.floor(now / 1000)
local promoted, bytes = 0, 0
local sub = string.sub

-- Plain jobs have no ghost: they go to the end of their lane in one command.
local function push_plain(lane, ids)
  if #ids == 0 then return end
  redis.call('RPUSH', key('lane:' .. lane), unpack(ids))
  if lane_join(lane) then wake(kind_of(lane)) end
  note('ready', ids)
end

-- In the order in which they are due: a run of plain jobs of one lane at a time.
local function push_all(ids, records)
  local lane, head, run = '', '', {}
  for i, id in ipairs(ids) do
    local record = records[i]
    if not record or sub(record, 1, #head) ~= head or head == '' then
      push_plain(lane, run)
      lane, run = record and lane_of(record), {}
      head = record and record:byte() == 48 and '0' .. lane .. '\n' or ''
    end
    if head ~= '' then
      run[#run + 1], bytes = id, bytes + #record
    elseif record then
      lane_push('RPUSH', id, record, rare_of(id, record))
      bytes = bytes + #record
    end
  end
  push_plain(lane, run)
end

local function promote(state)
  local ids
  repeat
    local n = math.min(limit, CHUNK)
    ids = redis.call('ZRANGE', key(state), '-inf', integer(now_ms), 'BYSCORE', 'LIMIT', 0, n)
    if #ids > 0 then
      redis.call('ZREM', key(state), unpack(ids))
      push_all(ids, redis.call('HMGET', key('jobs'), unpack(ids)))
      promoted, limit = promoted + #ids, limit - #ids
    end
  until #ids < n or limit == 0 or bytes >= BYTES_MAX
end

promote('retry')
promote('scheduled')
allow(now_ms, ARGV[1])
local due = next_due()
return {promoted, due and due <= now_ms and 1 or 0, due and integer(due) or '', now}
