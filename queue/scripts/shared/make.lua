-- A job that is made by itself: it has a time, an id of a person's, or asks for something (WISH: ''
-- or JSON).
local ONE_JOB = 9 -- arguments of a call that makes one job

-- A ghost must be told from a job that uses its id again: only by an entry in a lane can it be.
local function push_alone(id, record)
  return #ARGV == ONE_JOB and record:byte() == 48
      and redis.call('HEXISTS', key('ghosts'), id) == 0 and push(lane_of(record), id, record)
end

-- The job that holds the key takes over what this one says, but for who it is and its batch. What
-- became of the attempts at what it was is forgotten, except the token; and whom it waited for.
local function take_over(holder, state, old, head, tail, due, now_ms)
  local own = ''
  for _, name in ipairs({'c', 'g', 'B'}) do
    local value = header(old, name)
    if value then own = own .. name .. '=' .. value .. ' ' end
  end
  local rare = rare_of(holder, old)
  if rare.p then redis.call('HDEL', key('progress'), holder) end
  rare = {t = rare.t, o = rare.o, e = rare.e}
  redis.call('HDEL', key('errors'), holder)
  if header(old, 'A') then redis.call('HDEL', key('parents'), holder) end
  rewrite(holder, state, old, head .. own .. tail:sub(tail:match('^c=%d+ g=%x+ ()') or 1), rare,
          'scheduled', due, now_ms)
end

-- Why this job is not made: 'conflict'; 'existing', under its own id; or 'existing ID', under that
-- of the job that holds its unique key; 'replaced ID' when that one took over. nil: nothing is in
-- its way.
local function in_its_way(id, digest, wish, head, tail, due, now_ms)
  local status = digest ~= '' and taken_status(id, digest)
  if status or not wish.unique then return status or nil end
  local holder, old, state = unique_holder(wish.unique, now_ms)
  if not holder then return end
  if not wish.replace or not old or not waits[state] or state == 'waiting' then
    return 'existing ' .. holder
  end
  take_over(holder, state, old, head, tail, due, now_ms)
  unique_take(wish.unique, holder, wish.span, now_ms)
  return 'replaced ' .. holder
end

-- Gives such a status, or nil when it was made.
local function make(now_ms, id, when, ms, digest, head, tail, wish)
  wish = wish == '' and {} or cjson.decode(wish)
  local due = when == 'in' and now_ms + ms or tonumber(ms)
  local known = when ~= 'now' and not (wish.after and when == 'in') -- else when it is released
  if known then head = head .. 'r=' .. integer(due) .. ' ' end
  local p, b, status = nil, nil, in_its_way(id, digest, wish, head, tail, due, now_ms)
  if not status and wish.after then p, status = bonds().parents_of(wish, when, ms) end
  if not status and wish.batch then b, status = bonds().batch(wish.batch, now_ms) end
  if status then return status end
  if b then head = head .. bonds().join(wish.batch, b, id) end
  local record = head .. tail
  redis.call('HSET', key('jobs'), id, record)
  if wish.unique then unique_take(wish.unique, id, wish.span, now_ms) end
  if p then
    bonds().make_waiting(id, record, p, now_ms)
  elseif when ~= 'now' and due > now_ms then
    park_until('scheduled', id, record, {}, due)
  elseif not push_alone(id, record) then
    lane_push('RPUSH', id, record, {})
  end
end
