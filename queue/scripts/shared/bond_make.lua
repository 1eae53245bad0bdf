-- A job that waits is made: see bond.
local CHILDREN_MAX = 10000 -- of one job

local function is_full(id)
  return redis.call('ZLEXCOUNT', key('bonds'), '[' .. id .. ' ', '(' .. id .. '!') >= CHILDREN_MAX
end

-- What `parents` says of a new job; else a status: 'no_parent N', 'full_parent N', N from 0.
local function parents_of(wish, when, ms)
  local p = {of = wish.after, ends = {}, any = wish.any, when = when, ms = tonumber(ms),
             expires = wish.expires}
  for i, parent in ipairs(p.of) do
    local where, name = parent:match('^([^:]+):(.+)$')
    p.ends[i] = where ~= queue and '' or end_of(name)
    if not p.ends[i] then return nil, 'no_parent ' .. i - 1 end
    if where == queue and p.ends[i] == '' and is_full(name) then
      return nil, 'full_parent ' .. i - 1
    end
  end
  return p
end

-- Its parents will tell it. Those in other queues are asked by whoever relays the outbox.
local function bind(id, p)
  local child = queue .. ':' .. id
  for i, parent in ipairs(p.of) do
    local where, name = parent:match('^([^:]+):(.+)$')
    if where ~= queue then outbox_add(where, 'bond ' .. name .. ' ' .. child)
    elseif p.ends[i] == '' then redis.call('ZADD', key('bonds'), 0, name .. ' ' .. child) end
  end
end

local function make_waiting(id, record, p, now_ms)
  local left, bad = 0, nil
  for _, outcome in ipairs(p.ends) do
    if outcome == '' then left = left + 1
    elseif outcome ~= 'done' and not p.any then bad = bad or outcome end
  end
  redis.call('HSET', key('parents'), id, cjson.encode(p))
  park('waiting', id, record, {}, now_ms)
  if bad then
    redis.call('ZREM', key('waiting'), id)
    local rare = rare_of(id, record)
    rare.w = 'parent_' .. bad
    finish(id, record, rare, 'cancelled', now_ms)
  else
    bind(id, p)
    if left == 0 then release_waiting(id, record, p, now_ms) end
  end
end
