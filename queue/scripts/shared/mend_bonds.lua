-- What is done about damage_bonds.
function mend.bad_parents(id)
  redis.call('HSET', aside('parents'), id, redis.call('HGET', key('parents'), id))
  redis.call('HDEL', key('parents'), id)
  return 'moved to ' .. aside('parents')
end

local function drop_bond(bond)
  redis.call('ZREM', key('bonds'), bond)
  return 'dropped from bonds'
end

mend.bad_bond, mend.stray_bond = drop_bond, drop_bond

function mend.lost_bond(bond)
  local parent, where, child = bond_words(bond)
  local outcome = end_of(parent) or 'not_found'
  outbox_add(where, 'end ' .. child .. ' ' .. queue .. ':' .. parent .. ' ' .. outcome)
  drop_bond(bond)
  return 'its child is told: ' .. outcome
end

function mend.unbound(id)
  local now_ms = math.floor(now_us() / 1000)
  for _, name in ipairs(unbound_parents(id)) do
    local outcome = end_of(name) or 'not_found'
    if outcome == '' then redis.call('ZADD', key('bonds'), 0, name .. ' ' .. queue .. ':' .. id)
    else parent_ended(finish, id, queue .. ':' .. name, outcome, now_ms) end
  end
  return 'hears of its parents'
end

function mend.unheard(subject)
  local id, where, parent = subject:match('^(%S+) ([^:]+):(%S+)$')
  outbox_add(where, 'bond ' .. parent .. ' ' .. queue .. ':' .. id)
  return 'asks again'
end

-- ---- the outbox

local function list_aside(list, text)
  redis.call('RPUSH', aside(list), text)
  redis.call('LREM', key(list), 1, text)
  return 'moved to ' .. aside(list)
end

function mend.bad_outbox(text)
  return list_aside('outbox', text)
end

function mend.backward_outbox()
  local all = redis.call('LRANGE', key('outbox'), 0, -1)
  if #all > OUTBOX_LOOKED then return nil, 'it is too long: let servers shorten it' end
  local last = tonumber(redis.call('HGET', key('meta'), 'outbox') or 0)
  for _, text in ipairs(all) do
    local entry = outbox_entry(text)
    last = math.max(last, entry and entry.sequence or 0)
  end
  redis.call('HSET', key('meta'), 'outbox', integer(last))
  redis.call('DEL', key('outbox'))
  for _, text in ipairs(all) do
    local entry = outbox_entry(text)
    if entry then outbox_add(entry.to, entry.what)
    else redis.call('RPUSH', key('outbox'), text) end
  end
  return 'numbered again'
end

function mend.untold(text)
  local entry = outbox_entry(text)
  if not entry then return list_aside('untold', text) end
  redis.call('LREM', key('untold'), 1, text)
  outbox_add(entry.to, entry.what)
  return 'told again'
end
