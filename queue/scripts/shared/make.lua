-- A job that is made by itself: it has a time, an id of a person's, or asks for something (WISH: ''
-- or JSON).
local ONE_JOB, earliest = 9, nil -- arguments of a call that makes one job; the next due time

-- A ghost must be told from a job that uses its id again: only by an entry in a lane can it be.
local function push_alone(id, record)
  return #ARGV == ONE_JOB and record:byte() == 48
      and redis.call('HEXISTS', key('ghosts'), id) == 0 and push(lane_of(record), id, record)
end

local function make_at(id, record, due_ms)
  earliest = earliest or next_due()
  park('scheduled', id, record, {}, due_ms)
  earliest = hint(earliest, due_ms)
end

-- Why this job is not made: 'conflict'; 'existing', under its own id; or 'existing ID', under that
-- of the job that holds its unique key. nil: nothing is in its way.
local function in_its_way(id, digest, wish, now_ms)
  local status = digest ~= '' and taken_status(id, digest)
  if status or not wish.unique then return status or nil end
  local holder = unique_holder(wish.unique, now_ms)
  return holder and 'existing ' .. holder
end

-- Gives such a status, or nil when it was made.
local function make(now_ms, id, when, ms, digest, head, tail, wish)
  wish = wish == '' and {} or cjson.decode(wish)
  local status = in_its_way(id, digest, wish, now_ms)
  if status then return status end
  local due = when == 'in' and now_ms + ms or tonumber(ms)
  local record = head .. (when == 'now' and '' or 'r=' .. integer(due) .. ' ') .. tail
  redis.call('HSET', key('jobs'), id, record)
  if wish.unique then unique_take(wish.unique, id, wish.span, now_ms) end
  if when ~= 'now' and due > now_ms then
    make_at(id, record, due)
  elseif not push_alone(id, record) then
    lane_push('RPUSH', id, record, {})
  end
end
