#!lua flags=no-writes
--@ include keys
-- audit_keys: looks at the names of some keys of the whole Redis for queues, and for what does not
-- belong there; changes nothing.
--
-- KEYS  1 namespace
-- ARGV  1 cursor or ''   2 how many keys to look at
-- Gives {next cursor or '', {QUEUE, ...} that have keys, {QUEUE or '', KIND, SUBJECT, ...},
--        {QUEUE, NAME, ...}: sets that audit is to look at}
local base, answer, found, sets = KEYS[1] .. ':', {}, {}, {}

local function suspect(queue, kind, subject)
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = queue, kind, subject
end

-- nil also where another type stands.
local function ask(...)
  local reply = redis.pcall(...)
  return not (type(reply) == 'table' and reply.err) and reply or nil
end

-- What belongs to something else, that may be gone.
local function look_at(name, queue, head, rest, full)
  local of_queue = base .. '{' .. queue .. '}:'
  if head == 'hold:' or head == 'parked:' or head == 'batch:' then
    sets[#sets + 1], sets[#sets + 2] = queue, name
  end
  if head == 'call:' and ask('TTL', full) == -1 then suspect(queue, 'endless_call', rest) end
  if head == 'lane:' and not ask('ZSCORE', of_queue .. 'lanes', rest)
      and not ask('ZSCORE', of_queue .. 'parked', rest) then
    suspect(queue, 'lane_off_ring', rest)
  elseif head == 'history:' and ask('HEXISTS', of_queue .. 'schedules', rest) == 0 then
    suspect(queue, 'lost_history', rest)
  end
end

local function look_at_key(full)
  local name = full:sub(#base + 1)
  local queue, of_queue = name:match('^{([%w._-]+)}:(.*)$')
  if queue and #queue <= 64 then
    name, found[queue] = of_queue, true
  else
    queue = ''
  end
  local wanted, rest = type_of_key(queue ~= '' and KEYS_OF_QUEUE or KEYS_OF_ALL, name)
  if not wanted then suspect(queue, 'unknown_key', name)
  elseif redis.call('TYPE', full).ok ~= wanted then suspect(queue, 'wrong_type', name)
  elseif rest then look_at(name, queue, name:match('^[^:]*:'), rest, full) end
end

local page = redis.call('SCAN', ARGV[1] == '' and 0 or ARGV[1], 'MATCH', base .. '*',
                        'COUNT', ARGV[2])
for _, full in ipairs(page[2]) do look_at_key(full) end
local queues = {}
for queue in pairs(found) do
  queues[#queues + 1] = queue
  if ask('SISMEMBER', base .. 'queues', queue) == 0 then suspect('', 'unlisted_queue', queue) end
end
return {page[1] == '0' and '' or page[1], queues, answer, sets}
