-- What can be wrong with the keys of a queue: damaged[KIND](SUBJECT) looks whether it is, and
-- changes nothing. queue/damage.c has the words for people, shared/mend.lua what is done about it.
-- Every check must stand what no script of ours would write.
-- One table: a script may have 200 locals, and repair has nearly as many.
local DAMAGE = {
  LEASE_MAX_US = 3600 * 1000000,
  SERVER_KEPT_MS = 86400000,
  IDLE_KEPT_MS = 60000,
  SEAT_LEASES_MAX = 10000, -- more are not looked through for one seat
}
-- As state_of looks for a job: where two claim it, the first is right.
local PLACES = {'active', 'scheduled', 'retry', 'dead', 'cancelled', 'done', 'waiting'}
local damaged = {}

local function has(hash, field)
  return redis.call('HEXISTS', key(hash), field) == 1
end

local function score_in(set, member)
  return redis.call('ZSCORE', key(set), member)
end

local function two_words(subject)
  return subject:match('^(%S*) (.*)$')
end

local function places_of(id)
  local found = {}
  for _, place in ipairs(PLACES) do
    if score_in(place, id) then found[#found + 1] = place end
  end
  return found
end

local function is_good_pack(record)
  local size, data = record:match('^2%d:[^\n]+\n(%d+)\n(.*)$')
  local ok, records = pcall(cmsgpack.unpack, data or '')
  if not size or not ok or type(records) ~= 'table' then return false end
  for i = 1, tonumber(size) do
    if type(records[i]) ~= 'string' then return false end
  end
  return tonumber(size) >= 1 and tonumber(size) == #records and #records <= PACK_JOBS
end

local function is_good_record(name, record)
  if is_pack(name) then return is_good_pack(record) end
  return record:find('^[01]%d:[^\n]+\n[^\n]*\n') ~= nil
end

-- nil: it cannot be read.
local function readable_rare(text)
  local ok, rare = pcall(cjson.decode, text)
  return ok and type(rare) == 'table' and rare or nil
end

-- What must stand in its lane for a ready job; '' nothing does.
local function live_entry(id, record)
  local text = record:byte() == 49 and redis.call('HGET', key('rare'), id)
  local rare = text and readable_rare(text) or {}
  return type(rare.e) == 'string' and rare.e or id
end

local function good_record(id)
  local record = redis.call('HGET', key('jobs'), id)
  return record and is_good_record(id, record) and record
end

-- The record of what is ready by this entry of this lane; nil: nothing is.
local function ready_by(lane, entry)
  local id = entry:match('^[^~]*')
  local record = good_record(id)
  if record and lane_of(record) == lane and live_entry(id, record) == entry
      and #places_of(id) == 0 then return record end
end

local function entries_of(lane, entry)
  return redis.call('LPOS', key('lane:' .. lane), entry, 'COUNT', 2)
end

-- Jobs in a pack beyond one for it.
local function packed_in(name, record)
  local high, low = gone_from(name)
  return pack_size(record) - count_bits(high) - count_bits(low) - 1
end

-- Does not change while no pack does; begins with how many jobs are counted in packs.
local function moves_of_packs()
  local names = {'packed_ready', 'packed_active', 'enqueued', 'done', 'deleted', 'reaped', 'failed',
                 'dead', 'cancelled', 'generation'}
  local values = redis.call('HMGET', key('meta'), unpack(names))
  for i = 1, #names do values[i] = tostring(values[i] or 0) end
  return table.concat(values, ',')
end

-- ---- keys

local function known_type(name)
  return type_of_key(queue and KEYS_OF_QUEUE or KEYS_OF_ALL, name)
end

function damaged.unknown_key(name)
  return not known_type(name) and redis.call('EXISTS', key(name)) == 1
end

function damaged.wrong_type(name)
  local wanted, is = known_type(name), redis.call('TYPE', key(name)).ok
  return wanted and is ~= 'none' and is ~= wanted
end

function damaged.unlisted_queue(name)
  return redis.call('SISMEMBER', key('queues'), name) == 0
end

function damaged.endless_call(call)
  return redis.call('TTL', key('call:' .. call)) == -1
end

-- ---- lanes

function damaged.empty_lane(lane)
  return score_in('lanes', lane) and redis.call('EXISTS', key('lane:' .. lane)) == 0
end

function damaged.lane_off_ring(lane)
  return redis.call('EXISTS', key('lane:' .. lane)) == 1 and not score_in('lanes', lane)
      and not is_parked(lane)
end

function damaged.stray_entry(subject)
  local lane, entry = two_words(subject)
  return #entries_of(lane, entry) > 0 and not has('ghosts', entry) and not ready_by(lane, entry)
end

function damaged.double_entry(subject)
  return #entries_of(two_words(subject)) > 1
end

function damaged.live_ghost(subject)
  local lane, entry = two_words(subject)
  return has('ghosts', entry) and ready_by(lane, entry) and #entries_of(lane, entry) > 0
end

function damaged.lost_ghost(entry)
  local lane = redis.call('HGET', key('ghosts'), entry)
  return lane and #entries_of(lane, entry) == 0
end

-- ---- jobs

function damaged.bad_record(name)
  local record = redis.call('HGET', key('jobs'), name)
  return record and not is_good_record(name, record)
end

function damaged.orphan(id)
  local record = good_record(id)
  if not record or #places_of(id) > 0 then return false end
  return #entries_of(lane_of(record), live_entry(id, record)) == 0
end

function damaged.two_states(id)
  return #places_of(id) > 1
end

function damaged.double_body(id)
  if is_pack(id) or not pack_place(id) or not has('jobs', id) then return false end
  return good_record(pack_name(id)) and pack_with(id) ~= nil
end

function damaged.no_record(subject)
  local place, id = two_words(subject)
  return score_in(place, id) and not has('jobs', id)
end

-- STATE EXPECTED MOVES: counted while no pack moved.
function damaged.wrong_count(subject)
  local state, expected, moves = subject:match('^(%S+) (%d+) (%S+)$')
  local counted = tonumber(redis.call('HGET', key('meta'), 'packed_' .. state) or 0)
  return moves == moves_of_packs() and counted ~= tonumber(expected)
end

-- ---- attempts

local seats -- SEAT -> 1, of those that servers have

local function is_seat(n)
  if not seats then
    seats = {}
    for _, seat in ipairs(redis.call('HVALS', key('seats'))) do seats[tonumber(seat) or -1] = 1 end
  end
  return n >= 964 or seats[n] -- of those who pull
end

function damaged.no_seat(id)
  local score = score_in('active', id)
  if not score or not has('jobs', id) then return false end
  return not is_seat((tonumber(token_of(id, score)) or -1) % 1000)
end

function damaged.far_lease(id)
  local score = score_in('active', id)
  return score and tonumber(score) > now_us() + DAMAGE.LEASE_MAX_US
end

function damaged.lost_token(id)
  return has('tokens', id) and not score_in('active', id)
end

-- A deadline in microseconds, that no worker could ever have been given.
function damaged.bad_token(id)
  local token = redis.call('HGET', key('tokens'), id)
  return token and score_in('active', id) and not (token:match('^%d+$') and #token <= 16)
end

function damaged.lost_pull(id)
  return has('pulled', id) and not score_in('active', id)
end

function damaged.lost_mark(id)
  return has('marks', id) and not score_in('active', id) and not score_in('active', pack_name(id))
end

-- ---- beside the jobs

function damaged.lost_rare(id)
  return has('rare', id) and not has('jobs', id)
end

function damaged.bad_rare(id)
  local text = redis.call('HGET', key('rare'), id)
  return text and not readable_rare(text)
end

function damaged.wrong_class(id)
  local record = has('rare', id) and redis.call('HGET', key('jobs'), id)
  return record and record:byte() == 48
end

function damaged.lost_result(id)
  return has('results', id) and not has('jobs', id)
end

function damaged.lost_error(id)
  return has('errors', id) and not has('rare', id)
end

function damaged.lost_progress(id)
  return has('progress', id) and not has('rare', id)
end

function damaged.lost_bits(name)
  return has('gone', name) and not (is_pack(name) and has('jobs', name))
end

function damaged.endless_given(id)
  return has('given', id) and not score_in('given_until', id)
end

function damaged.lost_until(id)
  return score_in('given_until', id) and not has('given', id)
end

function damaged.lost_unique(name)
  local held = redis.call('HGET', key('uniques'), name)
  if not held or score_in('uniques_until', name) then return false end
  return not held:find('^%S+ %S+$') or not unique_holder(name, math.floor(now_us() / 1000))
end

function damaged.endless_unique(name)
  local span = (redis.call('HGET', key('uniques'), name) or ''):match(' (%d+)$')
  return span and tonumber(score_in('uniques_until', name) or -1) ~= tonumber(span)
end

function damaged.lost_unique_time(name)
  return score_in('uniques_until', name) and not has('uniques', name)
end

function damaged.lost_parents(id)
  return has('parents', id) and not has('jobs', id)
end

function damaged.no_parents(id)
  return score_in('waiting', id) and has('jobs', id) and not has('parents', id)
end

-- ---- batches

local function readable_batch(name)
  local text = redis.call('HGET', key('batches'), name)
  local b = text and readable_rare(text)
  return b and type(b.n) == 'number' and type(b.opened) == 'number' and b
end

function damaged.bad_batch(name)
  return has('batches', name) and not readable_batch(name)
end

function damaged.lost_member(subject)
  local name, id = two_words(subject)
  if redis.call('SISMEMBER', key('batch:' .. name), id) == 0 then return false end
  local ended = score_in('done', id) or score_in('dead', id) or score_in('cancelled', id)
  return ended or not has('jobs', id) or not has('batches', name)
end

function damaged.stuck_batch(name)
  local b = readable_batch(name)
  return b and b.closed and not b.completed and redis.call('EXISTS', key('batch:' .. name)) == 0
end

function damaged.endless_batch(name)
  local b = readable_batch(name)
  return b and b.completed and not score_in('batches_until', name)
end

function damaged.lost_batch_time(name)
  return score_in('batches_until', name) and not has('batches', name)
end

-- It is to make a job, whose record is gone.
function damaged.no_batch_job(name)
  local b = readable_batch(name)
  return b and b.digest and not b.completed and not has('batch_jobs', name)
end

-- A job that has not ended, and that its batch does not wait for.
function damaged.lone_member(id)
  local record = good_record(id)
  local text = record and record:byte() == 49 and header(record, 'B') or ''
  local name, opened = text:match('^([^=]+)=(%d+)$')
  local b = name and readable_batch(name)
  if not b or b.completed or b.opened ~= tonumber(opened) then return false end
  local ended = score_in('done', id) or score_in('dead', id) or score_in('cancelled', id)
  return not ended and redis.call('SISMEMBER', key('batch:' .. name), id) == 0
end

function damaged.lost_batch_job(name)
  return has('batch_jobs', name) and not has('batches', name)
end

-- ---- limits

local function has_word(text, word)
  return (' ' .. text .. ' '):find(' ' .. word .. ' ', 1, true) ~= nil
end

local function held_by(id)
  return redis.call('HGET', key('holds'), id) or ''
end

local function counts_in(scope, id)
  return redis.call('SISMEMBER', key('hold:' .. scope), id) == 1
end

function damaged.lost_hold(id)
  return has('holds', id) and not score_in('active', id)
end

function damaged.stray_hold(subject)
  local scope, id = two_words(subject)
  return counts_in(scope, id) and not has_word(held_by(id), scope)
end

function damaged.half_hold(id)
  for scope in held_by(id):gmatch('%S+') do
    if not counts_in(scope, id) then return true end
  end
  return false
end

-- The scopes with a limit of concurrency that a running job does not count in.
local function uncounted_in(id)
  local record, scopes = score_in('active', id) and good_record(id), {}
  for _, scope in ipairs(record and scopes_of(lane_of(record)) or {}) do
    if limit_of(scope).concurrency > 0 and not has_word(held_by(id), scope) then
      scopes[#scopes + 1] = scope
    end
  end
  return scopes
end

function damaged.uncounted(id)
  return #uncounted_in(id) > 0
end

local function group_scope(lane)
  return 'group:' .. (lane:match('#(.*)$') or '')
end

function damaged.stuck_lane(lane)
  local scope, limit = group_scope(lane), limit_of(group_scope(lane))
  local full = limit and limit.concurrency > 0
      and redis.call('SCARD', key('hold:' .. scope)) >= limit.concurrency
  return is_parked(lane) and not full and not score_in('throttled', scope)
end

function damaged.half_parked(lane)
  local known = redis.call('SISMEMBER', key('parked:' .. group_scope(lane)), lane) == 1
  return is_parked(lane) and (not known or score_in('lanes', lane))
end

function damaged.empty_parked(lane)
  return is_parked(lane) and redis.call('EXISTS', key('lane:' .. lane)) == 0
end

function damaged.lost_parked(subject)
  local scope, lane = two_words(subject)
  return redis.call('SISMEMBER', key('parked:' .. scope), lane) == 1 and not is_parked(lane)
end

function damaged.wrong_limits()
  local counted = tonumber(redis.call('HGET', key('meta'), 'limits') or 0)
  return counted ~= redis.call('HLEN', key('limits'))
end

-- ---- schedules

function damaged.no_tick(name)
  local text = redis.call('HGET', key('ticks'), name)
  return has('schedules', name) and not (text and read_tick(text))
end

function damaged.no_template(name)
  return has('schedules', name) and not has('schedule_jobs', name)
end

function damaged.unlisted_schedule(name)
  return has('schedules', name) and not score_in('schedule_names', name)
end

function damaged.lost_name(name)
  return score_in('schedule_names', name) and not has('schedules', name)
end

for kind, hash in pairs({lost_tick = 'ticks', lost_template = 'schedule_jobs',
                         lost_buffered = 'buffered'}) do
  damaged[kind] = function(name) return has(hash, name) and not has('schedules', name) end
end

function damaged.lost_history(name)
  return redis.call('EXISTS', key('history:' .. name)) == 1 and not has('schedules', name)
end

-- ---- servers

-- How long it was silent; nil: it was never heard, or has left.
local function silent_ms(server)
  local seen = (redis.call('HGET', key('servers'), server) or ''):match('^%d+')
  return seen and now_us() / 1000 - seen
end

function damaged.dead_idle(server)
  local kept_ms, name = DAMAGE.IDLE_KEPT_MS, server:match('^[^#]*') -- a line is its server's
  return has('idle', server) and (silent_ms(name) or kept_ms + 1) > kept_ms
end

function damaged.dead_server(server)
  local text = redis.call('HGET', key('servers'), server)
  return text and (silent_ms(server) or DAMAGE.SERVER_KEPT_MS + 1) > DAMAGE.SERVER_KEPT_MS
end

function damaged.lost_seat(server)
  local seat = redis.call('HGET', key('seats'), server)
  if not seat or has('servers', server) then return false end
  return not seat_is_held(seat, DAMAGE.SEAT_LEASES_MAX)
end
