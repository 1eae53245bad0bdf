-- Everything about one queue by its raw keys: a row for each job, and what contradicts itself.
--
-- KEYS  1 queue
-- Gives {now in us, {id, state, score, token, failures, kind, ...}, {fault, ...}, paused,
--        idle servers}
local SIM_FIELDS = 6
local faults, rows, places = {}, {}, {}

local function key(name) return KEYS[1] .. ':' .. name end
local function fault(...) faults[#faults + 1] = table.concat({...}, ' ') end
local function map(name)
  local flat, result = redis.call('HGETALL', key(name)), {}
  for i = 1, #flat, 2 do result[flat[i]] = flat[i + 1] end
  return result
end

local jobs, rare, ghosts, tokens = map('jobs'), map('rare'), map('ghosts'), map('tokens')

-- Packs: their jobs stand where they do.
local DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
local gone, packs, packed = map('gone'), {}, {ready = 0, active = 0}
local function left_pack(name, i)
  local text = gone[name] or '0000000000000000'
  local half = tonumber(i < 32 and text:sub(9) or text:sub(1, 8), 16)
  return math.floor(half / 2 ^ (i % 32)) % 2 == 1
end
for name, record in pairs(map('jobs')) do
  if name:byte(-1) == 42 then
    local lane, size, data = record:match('^2([^\n]*)\n(%d+)\n(.*)$')
    packs[name], jobs[name] = {lane = lane}, nil
    for i, own in ipairs(cmsgpack.unpack(data)) do
      local id = name:sub(1, -2) .. DIGITS:sub(math.floor((i - 1) / 32) + 1):sub(1, 1)
          .. DIGITS:sub((i - 1) % 32 + 1):sub(1, 1)
      if own:match('^0([^\n]*)') ~= lane then fault('a job of another lane in a pack:', id) end
      if i > tonumber(size) then fault('a pack of more than its size:', name) end
      if not left_pack(name, i - 1) then
        if jobs[id] then fault('in a pack and by itself:', id) end
        table.insert(packs[name], id)
      end
    end
    for _, id in ipairs(packs[name]) do jobs[id] = '0' .. lane .. '\n' end
    if #packs[name] == 0 then fault('a pack without a job:', name) end
  end
end
for name in pairs(gone) do
  if not packs[name] then fault('bits of no pack:', name) end
end
for id, text in pairs(rare) do
  rare[id] = cjson.decode(text)
  if not jobs[id] then fault('rare data without a job:', id)
  elseif jobs[id]:byte() ~= 49 then fault('rare data of a plain job:', id) end
end

local function put(id, state, score)
  if places[id] then fault(id, 'is', places[id][1], 'and', state) end
  places[id] = {state, score}
  if not jobs[id] then fault(id, 'is', state, 'without a record') end
end
for _, state in ipairs({'scheduled', 'waiting', 'active', 'retry', 'done', 'dead', 'cancelled'}) do
  local flat = redis.call('ZRANGE', key(state), 0, -1, 'WITHSCORES')
  for i = 1, #flat, 2 do
    local pack = packs[flat[i]]
    for _, id in ipairs(pack or {flat[i]}) do put(id, state, flat[i + 1]) end
    if pack and state ~= 'active' then fault('a pack that is', state, flat[i])
    elseif pack then packed.active = packed.active + #pack - 1 end
  end
end

local in_ring, seen, lanes = {}, {}, redis.call('ZRANGE', key('lanes'), 0, -1)
local parked_by = {}
for _, lane in ipairs(redis.call('ZRANGE', key('parked'), 0, -1)) do
  local scope = 'group:' .. (lane:match('#(.*)$') or '')
  parked_by[scope], lanes[#lanes + 1] = (parked_by[scope] or 0) + 1, lane
  if redis.call('ZSCORE', key('lanes'), lane) then fault('parked, and in the ring:', lane) end
  if redis.call('SISMEMBER', key('parked:' .. scope), lane) == 0 then
    fault('parked by no scope:', lane)
  end
end
for _, lane in ipairs(lanes) do
  in_ring[key('lane:' .. lane)] = true
  local entries = redis.call('LRANGE', key('lane:' .. lane), 0, -1)
  if #entries == 0 then fault('empty lane in the ring:', lane) end
  for _, entry in ipairs(entries) do
    local id = entry:match('^[^~]*')
    if seen[entry] then fault('two entries of one name:', entry) end
    seen[entry] = true
    if ghosts[entry] then
      if ghosts[entry] ~= lane then fault('ghost in another lane:', entry) end
    elseif packs[entry] then
      if packs[entry].lane ~= lane then fault('pack in another lane than its own:', entry) end
      for _, member in ipairs(packs[entry]) do put(member, 'ready', '0') end
      packed.ready = packed.ready + #packs[entry] - 1
    elseif not jobs[id] or ((rare[id] or {}).e or id) ~= entry then
      fault('entry that is neither live nor a ghost:', entry)
    elseif jobs[id]:match('^.([^\n]*)') ~= lane then
      fault('job in another lane than its own:', id)
    else
      put(id, 'ready', '0')
    end
  end
end
for _, name in ipairs(redis.call('KEYS', key('lane:*'))) do
  if not in_ring[name] then fault('lane outside of the ring:', name) end
end
for entry in pairs(ghosts) do
  if not seen[entry] then fault('ghost without an entry:', entry) end
end

for state, n in pairs(packed) do
  local counted = tonumber(redis.call('HGET', key('meta'), 'packed_' .. state) or 0)
  if counted ~= n then fault('packed', state, 'is', n, 'and counted as', counted) end
end

-- Limits: who counts where, and that nothing waits for what will never come.
local rules, holds = map('limits'), map('holds')
local function rule_of(scope)
  local text = rules[scope] or scope:sub(1, 6) == 'group:' and rules.groups
  return tonumber((text or '0'):match('^%d+')), text
end
if tostring(redis.call('HGET', key('meta'), 'limits') or 0)
    ~= tostring(redis.call('HLEN', key('limits'))) then
  fault('limits are counted wrong')
end
for id, text in pairs(holds) do
  if (places[id] or {})[1] ~= 'active' then fault('counts, but is not active:', id) end
  for scope in text:gmatch('%S+') do
    if redis.call('SISMEMBER', key('hold:' .. scope), id) == 0 then
      fault(id, 'does not count in', scope)
    end
  end
end
for _, name in ipairs(redis.call('KEYS', key('hold:*'))) do
  local scope = name:sub(#key('hold:') + 1)
  for _, id in ipairs(redis.call('SMEMBERS', name)) do
    if not (' ' .. (holds[id] or '') .. ' '):find(' ' .. scope .. ' ', 1, true) then
      fault(id, 'counts unknown in', scope)
    end
  end
end
for id, record in pairs(jobs) do
  if (places[id] or {})[1] == 'active' then
    local lane = record:match('^.([^\n]*)')
    local group = lane:match('#(.*)$')
    for _, scope in ipairs({'queue', 'kind:' .. lane:match('^%d:([^#]*)'),
                            group and 'group:' .. group}) do
      if rule_of(scope) > 0 and redis.call('SISMEMBER', key('hold:' .. scope), id) == 0 then
        fault(id, 'runs, and does not count in', scope)
      end
    end
  end
end
for _, name in ipairs(redis.call('KEYS', key('parked:*'))) do
  local scope = name:sub(#key('parked:') + 1)
  if redis.call('SCARD', name) ~= (parked_by[scope] or 0) then fault('parked wrongly by', scope) end
  local most = rule_of(scope)
  local full = most > 0 and redis.call('SCARD', key('hold:' .. scope)) >= most
  if not full and not redis.call('ZSCORE', key('throttled'), scope) then
    fault('parked for good by', scope)
  end
end

for id in pairs(tokens) do
  if (places[id] or {})[1] ~= 'active' then fault('token of a job that is not active:', id) end
end
for id in pairs(map('marks')) do
  if (places[id] or {})[1] ~= 'active' then fault('mark on a job that is not active:', id) end
end
for id in pairs(map('errors')) do
  if not jobs[id] then fault('errors without a job:', id) end
end
for id in pairs(map('progress')) do
  if not (rare[id] or {}).p then fault('progress of a job that has told none:', id) end
end
for id, about in pairs(rare) do
  if about.p and redis.call('HEXISTS', key('progress'), id) == 0 then
    fault('has told progress that is gone:', id)
  end
end
for id in pairs(map('results')) do
  if not jobs[id] then fault('result without a job:', id) end
end

-- A unique key is held by a job that says so and has not ended (started); so each such job has it.
local keys = map('uniques')
local function is_open(id, span)
  local state = (places[id] or {'done'})[1]
  return state ~= 'done' and state ~= 'dead' and state ~= 'cancelled'
      and (span ~= 'start' or state ~= 'active')
end
for name, text in pairs(keys) do
  local id, span = text:match('^(%S+) (%S+)$')
  local says = jobs[id] and jobs[id]:match('^1[^\n]*\n([^\n]*)') or ''
  local field = ' u=' .. name .. '=' .. span .. ' '
  if not tonumber(span) and not (' ' .. says):find(field, 1, true) then
    fault('unique key', name, 'of a job that does not name it:', id)
  elseif not tonumber(span) and not is_open(id, span) then
    fault('unique key', name, 'of a job that is over it:', id)
  end
end
for id, record in pairs(jobs) do
  local says = record:match('^1[^\n]*\n([^\n]*)') or ''
  local name = (' ' .. says):match(' u=([^=]+)=done ')
  if name and is_open(id, 'done') and keys[name] ~= id .. ' done' then
    fault(id, 'has not ended and lacks its unique key', name)
  end
end

-- What a batch waits for is there, says so, and has not ended; one that waits for nothing is over.
for name, text in pairs(map('batches')) do
  local b, pending = cjson.decode(text), redis.call('SMEMBERS', key('batch:' .. name))
  for _, id in ipairs(pending) do
    local says = jobs[id] and jobs[id]:match('^1[^\n]*\n([^\n]*)') or ''
    if not is_open(id, 'done') then fault('batch', name, 'waits for what has ended:', id) end
    if not (' ' .. says):find(' B=' .. name .. '=', 1, true) then
      fault('batch', name, 'waits for what does not name it:', id)
    end
  end
  local ends = (b.done or 0) + (b.dead or 0) + (b.cancelled or 0) + (b.deleted or 0)
  if b.n ~= ends + #pending then fault('batch', name, 'counts wrong') end
  if b.closed and #pending == 0 and not b.completed then fault('batch', name, 'is stuck') end
end

local here, all_told = KEYS[1]:match('{(.-)}'), redis.call('EXISTS', key('outbox')) == 0
local bonds, parents = {}, map('parents')
for _, bond in ipairs(redis.call('ZRANGE', key('bonds'), 0, -1)) do bonds[bond] = true end
for id, text in pairs(parents) do
  local p, left = cjson.decode(text), 0
  local waits = (places[id] or {})[1] == 'waiting'
  if not jobs[id] then fault('parents without a job:', id) end
  for i, parent in ipairs(p.of) do
    local where, name = parent:match('^([^:]+):(.+)$')
    local bond = name .. ' ' .. where .. ':' .. id
    if p.ends[i] == '' then left = left + 1 end
    if where == here then
      local state = (places[name] or {})[1]
      local open = state and state ~= 'done' and state ~= 'dead' and state ~= 'cancelled'
      local hears = waits and all_told and p.ends[i] == ''
      if hears and not bonds[bond] then fault('no bond:', bond) end
      if hears and not open then fault('waits for what has ended:', bond) end
      if (not waits or p.ends[i] ~= '') and bonds[bond] then fault('a bond too many:', bond) end
      bonds[bond] = nil
    end
  end
  if waits and left == 0 then fault('waits for nothing:', id) end
end
for bond in pairs(bonds) do
  if bond:match(' ([^:]+)') == here then fault('bond of no child:', bond) end
end
for id, place in pairs(places) do
  if place[1] == 'waiting' and not parents[id] then fault('waits without parents:', id) end
end

local idle, waiting = map('idle'), {}
for name, patterns in pairs(idle) do
  waiting[#waiting + 1] = name .. ' (' .. patterns .. ')'
end

for id, record in pairs(jobs) do
  local place, few = places[id], rare[id] or {}
  if not place then
    fault(id, 'is nowhere')
    place = {'nowhere', '0'}
  end
  local token = place[1] == 'active' and (tokens[id] or place[2]) or few.t or ''
  local kind = record:match('^.%d:([^#\n]*)')
  rows[#rows + 1] = {id, place[1], place[2], token, tostring(few.a or 0), kind}
end
table.sort(rows, function(a, b) return a[1] < b[1] end)
local flat = {}
for _, row in ipairs(rows) do
  for i = 1, SIM_FIELDS do flat[#flat + 1] = row[i] end
end
return {redis.call('GET', 'pinion-test:now_us'), flat, faults,
        redis.call('HEXISTS', key('meta'), 'paused'), table.concat(waiting, ', ')}
