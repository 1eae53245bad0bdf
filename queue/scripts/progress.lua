#!lua
--@ include key now record pack note token
-- progress: ACTIVE stays ACTIVE. How far attempts are, for people to see; the last word counts. A
-- job that tells stands for itself from then on, and its `rare` says so: what ends it looks there.
-- Refused by a full Redis, for it adds bytes.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN, PERCENT (0 to 100), NOTE ('': none) ...
-- Gives {index, status, ...} for items (index from 0) that changed nothing, 'stale' | 'invalid', or
--       that must stop: 'cancel'
local PERCENT_MAX, NOTE_BYTES_MAX = 100, 256 -- see queue/limits.h
local now_ms, answer, told = integer(math.floor(now_us() / 1000)), {}, {}
local marks = redis.call('EXISTS', key('marks')) == 1

local function is_valid(percent, text)
  return percent:find('^%d%d?%d?$') and tonumber(percent) <= PERCENT_MAX
      and #text <= NOTE_BYTES_MAX
end

-- Only once for a job: from then on the hash has it.
local function make_rich(id)
  local record = redis.call('HGET', key('jobs'), id)
  if not record then return false end
  local rare = rare_of(id, record)
  rare.p = 1
  keep_rare(id, record, rare)
  return true
end

local function tell(id, token, percent, text)
  if not is_valid(percent, text) then return 'invalid' end
  if not (owns(id, token) or lift(id, token) and owns(id, token)) then return 'stale' end
  if redis.call('HEXISTS', key('progress'), id) == 0 and not make_rich(id) then return 'stale' end
  local value = percent .. ' ' .. now_ms .. (text ~= '' and ' ' .. text or '')
  redis.call('HSET', key('progress'), id, value)
  told[#told + 1] = id
  if marks and redis.call('HEXISTS', key('marks'), id) == 1 then return 'cancel' end
end

for i = 1, #ARGV, 4 do
  local status = tell(unpack(ARGV, i, i + 3))
  if status then answer[#answer + 1], answer[#answer + 2] = (i - 1) / 4, status end
end
if #told > 0 then note('progress', told) end
return answer
