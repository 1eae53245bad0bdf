-- A pack stands for many plain jobs of one enqueue call, as long as nothing sets one of them apart:
-- one field of `jobs`, one entry of a lane, one member of `active`, all named `PREFIX*`. Its record
-- is `2 LANE \n SIZE \n` and a MessagePack array of SIZE records. Job i has the id PREFIX and i in
-- two digits, so names sort as ids do. The hash `gone` has a bit for each job that left its pack:
-- it was done, or was lifted out, to stand for itself. `meta` counts, in packed_ready and
-- packed_active, the jobs in packs beyond one for each pack.
local PACK_JOBS = 64
local DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
local band, bor, bnot, lshift = bit.band, bit.bor, bit.bnot, bit.lshift

local function is_pack(name)
  return name:byte(-1) == 42
end

local function pack_name(id)
  return id:sub(1, 24) .. '*'
end

local function pack_size(record)
  return tonumber(record:match('^[^\n]*\n(%d+)'))
end

-- The pack that was asked for last is kept until it ends, and so is what was read of one: a batch
-- asks for the jobs of one after the other, and to read it takes as long as a hundred commands.
local last_name, last_record, read_last, its_records

local function find_pack(name)
  if name ~= last_name then last_name, last_record = name, redis.call('HGET', key('jobs'), name) end
  return last_record
end

local function drop_pack(name)
  last_name = nil
  redis.call('HDEL', key('jobs'), name)
  redis.call('HDEL', key('gone'), name)
end

local function pack_records(record)
  if record ~= read_last then
    local _, head = record:find('^[^\n]*\n%d+\n') -- a pattern would walk through all of it
    read_last, its_records = record, cmsgpack.unpack(record:sub(head + 1))
  end
  return its_records
end

-- Bits travel as 16 hexadecimal digits; here as two numbers of 32 bits.
local function bits_of(text)
  return tonumber(text:sub(1, 8), 16), tonumber(text:sub(9), 16)
end

local function has_bit(high, low, i)
  return band(i < 32 and low or high, lshift(1, i % 32)) ~= 0
end

local function count_bits(bits)
  local n = 0
  while bits ~= 0 do bits, n = band(bits, bits - 1), n + 1 end
  return n
end

local function gone_from(name)
  return bits_of(redis.call('HGET', key('gone'), name) or '0000000000000000')
end

-- The ids that these bits stand for.
local function members(name, size, high, low)
  local ids, n = {}, 0
  for tens, bits in ipairs({low, high}) do
    local prefix, first = name:sub(1, -2) .. DIGITS:sub(tens, tens), 32 * (tens - 1)
    for ones = 1, math.min(32, size - first) do
      if band(bits, lshift(1, ones - 1)) ~= 0 then
        n = n + 1
        ids[n] = prefix .. DIGITS:sub(ones, ones)
      end
    end
  end
  return ids
end

-- The jobs that a pack still holds: their ids, and their records.
local function pack_jobs(name, record)
  local high, low = gone_from(name)
  local size, all, records = pack_size(record), pack_records(record), {}
  if high == 0 and low == 0 then return members(name, size, -1, -1), all end
  for i = 0, size - 1 do
    if not has_bit(high, low, i) then records[#records + 1] = all[i + 1] end
  end
  return members(name, size, bnot(high), bnot(low)), records
end

-- The place from 0 that a job with this id would have in its pack; nil: in none.
local function pack_place(id)
  if #id ~= 26 then return end
  local tens, ones = DIGITS:find(id:sub(25, 25), 1, true), DIGITS:find(id:sub(26), 1, true)
  return tens and ones and (tens - 1) * 32 + ones - 1
end

-- The pack that holds this job: its name, its record, and the job's place; nil: none.
local function pack_with(id)
  local i, name = pack_place(id), pack_name(id)
  local record = i and find_pack(name)
  if not record then return end
  local high, low = gone_from(name)
  if i < pack_size(record) and not has_bit(high, low, i) then return name, record, i end
end

-- Jobs leave their pack, which ends with the last of them; an entry that it leaves in a lane is a
-- ghost. Gives how many of these bits were in it, and the bits that were not.
local function leave_pack(name, record, size, state, high, low)
  local gone_high, gone_low = gone_from(name)
  local not_high, not_low = band(high, gone_high), band(low, gone_low)
  high, low = band(high, bnot(gone_high)), band(low, bnot(gone_low))
  gone_high, gone_low = bor(gone_high, high), bor(gone_low, low)
  local left, count = size - count_bits(gone_high) - count_bits(gone_low), count_bits(high)
  count = count + count_bits(low)
  if left == 0 then
    drop_pack(name)
    if state == 'active' then redis.call('ZREM', key('active'), name)
    else redis.call('HSET', key('ghosts'), name, lane_of(record)) end
  elseif count > 0 then
    redis.call('HSET', key('gone'), name, bit.tohex(gone_high) .. bit.tohex(gone_low))
  end
  if count > 0 then
    redis.call('HINCRBY', key('meta'), 'packed_' .. state, left == 0 and 1 - count or -count)
  end
  return count, not_high, not_low
end

-- Takes a job out of its pack, to stand for itself where the pack stands. It leaves a lane only to
-- end, so there it goes to the back, where its ghost is in nobody's way. `token`: only from a pack
-- that is leased with it, so that what is stale changes nothing. Gives its record; nil: it is in no
-- such pack.
local function lift(id, token)
  local name, record, i = pack_with(id)
  local score = name and redis.call('ZSCORE', key('active'), name)
  if not name or token and score ~= token then return end
  local own = pack_records(record)[i + 1]
  redis.call('HSET', key('jobs'), id, own)
  if score then redis.call('ZADD', key('active'), score, id)
  else redis.call('RPUSH', key('lane:' .. lane_of(record)), id) end
  local bit_of_it = lshift(1, i % 32)
  leave_pack(name, record, pack_size(record), score and 'active' or 'ready',
             i >= 32 and bit_of_it or 0, i < 32 and bit_of_it or 0)
  return own
end

-- All that a pack holds stands for itself now; who calls this has a place for them. Gives the ids.
local function disband(name, record, state)
  local ids, records = pack_jobs(name, record)
  local fields = {}
  for i, id in ipairs(ids) do fields[2 * i - 1], fields[2 * i] = id, records[i] end
  drop_pack(name)
  redis.call('HSET', key('jobs'), unpack(fields))
  redis.call('HINCRBY', key('meta'), 'packed_' .. state, 1 - #ids)
  return ids
end

-- Packs with so many jobs beyond one for each pack were claimed.
local function packs_start(jobs)
  if jobs == 0 then return end
  redis.call('HINCRBY', key('meta'), 'packed_ready', -jobs)
  redis.call('HINCRBY', key('meta'), 'packed_active', jobs)
end
