-- A job is done that keeps something: a result, its id, or a past failure.
local function end_rich(id, record, token, started_ms, result, now_ms)
  local rare = rare_of(id, record)
  end_attempt(id)
  rare.t, rare.o, rare.s, rare.x = token, 'done', tonumber(started_ms), nil
  local total, kept = finish(id, record, rare, 'done', now_ms)
  if not kept then
    remember(total, token, id)
  elseif result ~= '' then
    redis.call('HSET', key('results'), id, result)
  end
end
