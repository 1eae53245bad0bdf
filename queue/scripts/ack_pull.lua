#!lua flags=allow-oom
--@ include key now record pack note wake lane token
--@ include limit unpark hold attempt tick scheduled forget unique outbox batch bond finish ended
--@ include settle pull
-- ack_pull: ACTIVE -> DONE, for jobs that were pulled, of any class.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN, RESULT ...
-- Gives per item KIND, STARTED_MS: done now; '', '': it was done by a call before; false, '':
--       stale; false, its timeout in ms: the attempt's time is over, nothing was changed
local now_ms, ids, answer = math.floor(now_us() / 1000), {}, {}
local rich, plain, seen, named = {}, {}, {}, redis.call('EXISTS', key('pulled')) == 1
for i = 1, #ARGV, 3 do ids[#ids + 1] = ARGV[i] end
local records = redis.call('HMGET', key('jobs'), unpack(ids))
local scores = redis.call('ZMSCORE', key('active'), unpack(ids))
local tokens = redis.call('EXISTS', key('tokens')) == 1
    and redis.call('HMGET', key('tokens'), unpack(ids))
if redis.call('EXISTS', key('holds'), key('bonds')) > 0 then
  at_end[1], at_end[2] = free_holds, function(these, from, to)
    for i = from, to do tell_children(nil, these[i], 'done', now_ms) end
  end
end

local function end_rich(i)
  local id, token, result = unpack(ARGV, 3 * i - 2, 3 * i)
  local record = redis.call('HGET', key('jobs'), id)
  local rare = rare_of(id, record)
  end_attempt(id)
  rare.t, rare.o, rare.s, rare.x = token, 'done', tonumber(answer[2 * i]), nil
  local total, kept = finish(id, record, rare, 'done', now_ms)
  if not kept then remember(total, token, id)
  elseif result ~= '' then redis.call('HSET', key('results'), id, result) end
end

for i, id in ipairs(ids) do
  local token, own = ARGV[3 * i - 1], tokens and tokens[i] or scores[i]
  local since_ms = records[i] and own == token and not seen[id] and pulled_since(token, records[i])
  if since_ms then
    local late = overdue(records[i], since_ms, scores[i], now_ms)
    seen[id] = not late and token
    answer[2 * i - 1] = not late and kind_of(lane_of(records[i]))
    answer[2 * i] = late or since_ms
    if not late and is_plain(records[i]) then
      plain[token] = plain[token] or {}
      table.insert(plain[token], id)
    elseif not late then rich[#rich + 1] = i end
  else
    local rare = records[i] and rare_of(id, records[i]) or {}
    local again = seen[id] == token or rare.t == token and rare.o == 'done' or recall(id) == token
    answer[2 * i - 1], answer[2 * i] = again and '', ''
  end
end
for token, these in pairs(plain) do
  settle(token, table.concat(these, ' '), these, 1, #these, tokens)
  if named then redis.call('HDEL', key('pulled'), unpack(these)) end
end
for _, i in ipairs(rich) do end_rich(i) end
return answer
