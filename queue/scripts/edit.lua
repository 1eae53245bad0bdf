#!lua
--@ include key now record pack note hint wake lane state ended call rewrite outbox batch bond
-- edit: another payload, time or priority. SCHEDULED, RETRY, READY stay what they are, or go to
-- READY or SCHEDULED with their time; what was in a pack stands for itself. The time to start by
-- moves with the time. Refused by a full Redis, for it may add bytes.
--
-- KEYS  1 queue
-- ARGV  1 call id: the answer is remembered by it for a minute
--       then per job: ID, WHEN ('' as it was | 'in' | 'at'), MS, PRIORITY or '', '1' if there is a
--       payload, PAYLOAD
-- Gives {status, ...}: 'edited' | 'not_found' | the state that does not allow it
local WORDS, answer, now_ms = 6, {}, math.ceil(now_us() / 1000)
local given = remembered(ARGV[1])
if given then return cjson.decode(given) end

local function with_field(head, name, value)
  local others = (' ' .. head):gsub(' ' .. name .. '=%S*', '', 1)
  return name .. '=' .. integer(value) .. others
end

-- A job that has failed, or that a schedule made, keeps the time that it was made for.
local function with_time(record, head, state, old_due, due)
  local expires = tonumber(header(record, 'e'))
  if expires then head = with_field(head, 'e', expires + due - old_due) end
  if state == 'retry' or header(record, 's') then return head end
  return with_field(head, 'r', due)
end

local function edit_one(id, when, ms, priority, has_payload, payload)
  local record, state, score = find_job(id)
  if not state then return recall(id) and 'done' or 'not_found' end
  if not waits[state] then return state end
  lift(id)
  local class, lane, head, at = record:match('^(.)([^\n]*)\n([^\n]*)\n()')
  local old_due = tonumber(score) or now_ms
  local due = when == 'in' and now_ms + ms or when == 'at' and math.max(tonumber(ms), now_ms)
  if due and state == 'waiting' then head = retime_waiting(id, head, when, tonumber(ms))
  elseif due then head = with_time(record, head, state, old_due, due) end
  if priority ~= '' then lane = priority .. lane:sub(2) end
  payload = has_payload == '1' and payload or record:sub(at)
  rewrite(id, state, record, class .. lane .. '\n' .. head .. '\n' .. payload,
          rare_of(id, record), state == 'retry' and 'retry' or 'scheduled', due or old_due, now_ms)
  return 'edited'
end

for i = 2, #ARGV, WORDS do
  answer[#answer + 1] = edit_one(unpack(ARGV, i, i + WORDS - 1))
end
remember(ARGV[1], cjson.encode(answer))
return answer
