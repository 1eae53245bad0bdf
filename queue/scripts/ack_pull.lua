#!lua flags=allow-oom
--@ include key now record pack note wake lane token
--@ include limit unpark hold attempt tick scheduled forget unique outbox batch bond finish ended
--@ include end_rich settle pull pull_end
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

local function was_done(id, token, record)
  local rare = record and rare_of(id, record) or {}
  return seen[id] == token or rare.t == token and rare.o == 'done' or recall(id) == token
end

for i, id in ipairs(ids) do
  local token, record, own = ARGV[3 * i - 1], records[i], tokens and tokens[i] or scores[i]
  local bare, kind, n = record and record:match('^0([^\n]*)\n\n'), nil, ''
  if record and own == token and not seen[id] then
    kind, n = look_at(token, record, scores[i], bare, now_ms)
  end
  if kind == nil then kind, n = was_done(id, token, record) and '', '' end
  if kind and kind ~= '' then
    seen[id], plain[token] = token, plain[token] or {}
    if bare or is_plain(record) then table.insert(plain[token], id) else rich[#rich + 1] = i end
  end
  answer[2 * i - 1], answer[2 * i] = kind, n
end
for token, these in pairs(plain) do
  settle(token, table.concat(these, ' '), these, 1, #these, tokens)
  if named and #these > 0 then redis.call('HDEL', key('pulled'), unpack(these)) end
end
tell_done()
for _, i in ipairs(rich) do
  local id, token, result = unpack(ARGV, 3 * i - 2, 3 * i)
  end_rich(id, redis.call('HGET', key('jobs'), id), token, answer[2 * i], result, now_ms)
end
return answer
