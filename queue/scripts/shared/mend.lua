-- What is done about damage: mend[KIND](SUBJECT) after damaged[KIND] has said that it is there, in
-- the same script. Gives what it did; nil and why it did not.
local mend = {}
local aside

do
  -- Out of the namespace, in the same slot.
  function aside(name)
    return (namespace or KEYS[1]) .. '-aside:' .. (queue and '{' .. queue .. '}:' or '') .. name
  end

  local function drop_field(hash, field)
    redis.call('HDEL', key(hash), field)
    return 'dropped from ' .. hash
  end

  local function move_aside(name)
    local to = aside(name)
    if redis.call('RENAMENX', key(name), to) == 1 then return 'moved to ' .. to end
    return nil, to .. ' is there already'
  end

  mend.unknown_key, mend.wrong_type = move_aside, move_aside

  function mend.unlisted_queue(name)
    redis.call('SADD', key('queues'), name)
    return 'listed'
  end

  function mend.endless_call(call)
    redis.call('EXPIRE', key('call:' .. call), 60)
    return 'ends in a minute'
  end

  -- ---- lanes

  local function leave_ring_if_empty(lane)
    if redis.call('EXISTS', key('lane:' .. lane)) == 0 then lane_leave(lane) end
  end

  function mend.empty_lane(lane)
    leave_ring_if_empty(lane)
    return 'taken off the ring'
  end

  function mend.lane_off_ring(lane)
    lane_join(lane)
    wake(kind_of(lane) or '')
    return 'put on the ring'
  end

  function mend.stray_entry(subject)
    local lane, entry = two_words(subject)
    redis.call('LREM', key('lane:' .. lane), 0, entry)
    leave_ring_if_empty(lane)
    return 'taken out of its lane'
  end

  -- The first stays.
  function mend.double_entry(subject)
    local lane, entry = two_words(subject)
    local all = redis.call('LPOS', key('lane:' .. lane), entry, 'COUNT', 0)
    redis.call('LREM', key('lane:' .. lane), 1 - #all, entry)
    return 'only the first stays'
  end

  function mend.live_ghost(subject)
    return drop_field('ghosts', select(2, two_words(subject)))
  end

  -- ---- jobs

  function mend.bad_record(name)
    redis.call('HSET', aside('jobs'), name, redis.call('HGET', key('jobs'), name))
    redis.call('HDEL', key('jobs'), name)
    for _, place in ipairs(PLACES) do redis.call('ZREM', key(place), name) end
    return 'moved to ' .. aside('jobs')
  end

  local function put_pack_back(name, record)
    local lane = lane_of(record)
    redis.call('RPUSH', key('lane:' .. lane), name)
    lane_join(lane)
    wake(kind_of(lane))
    return 'put into its lane'
  end

  -- One that was to run later, does.
  function mend.orphan(id)
    local record = redis.call('HGET', key('jobs'), id)
    if is_pack(id) then return put_pack_back(id, record) end
    local text = redis.call('HGET', key('rare'), id)
    local rare, due_ms = text and readable_rare(text) or {}, tonumber(header(record, 'r'))
    if due_ms and due_ms > now_us() / 1000 then
      local earliest = next_due()
      park('scheduled', id, record, rare, due_ms)
      hint(earliest, due_ms)
      return 'scheduled for its time'
    end
    lane_push('RPUSH', id, record, rare)
    return 'put into its lane'
  end

  function mend.two_states(id)
    local places = places_of(id)
    for i = 2, #places do redis.call('ZREM', key(places[i]), id) end
    return 'stays ' .. places[1]
  end

  -- What stands by itself was lifted out of the pack later.
  function mend.double_body(id)
    local name, record, i = pack_with(id)
    local bit_of_it = lshift(1, i % 32)
    leave_pack(name, record, pack_size(record), score_in('active', name) and 'active' or 'ready',
               i >= 32 and bit_of_it or 0, i < 32 and bit_of_it or 0)
    return 'taken out of its pack'
  end

  function mend.no_record(subject)
    local place, id = two_words(subject)
    if place == 'active' then end_attempt(id) else redis.call('ZREM', key(place), id) end
    return 'taken out of ' .. place
  end

  function mend.wrong_count(subject)
    local state, expected = subject:match('^(%S+) (%d+)')
    redis.call('HSET', key('meta'), 'packed_' .. state, expected)
    return 'set to ' .. expected
  end

  -- ---- attempts

  function mend.no_seat(id)
    local record = good_record(id)
    if not record then return nil, 'its record cannot be read' end
    take_back_all(id, score_in('active', id), math.floor(now_us() / 1000))
    return 'taken back to the front of its lane'
  end

  -- As reap does it: its token is kept, so whoever works at it may still end it.
  function mend.far_lease(id)
    local score = score_in('active', id)
    if is_pack(id) and not good_record(id) then return nil, 'its record cannot be read' end
    for _, one in ipairs(leased(id, score)) do
      redis.call('HSETNX', key('tokens'), one, score)
      redis.call('ZADD', key('active'), integer(now_us() + DAMAGE.LEASE_MAX_US), one)
    end
    return 'ends in an hour'
  end

  -- ---- what is left over

  for kind, hash in pairs({lost_ghost = 'ghosts', lost_token = 'tokens',
                           bad_token = 'tokens', lost_mark = 'marks',
                           lost_rare = 'rare', bad_rare = 'rare', lost_result = 'results',
                           lost_error = 'errors', lost_progress = 'progress',
                           lost_pull = 'pulled',
                           lost_bits = 'gone', lost_tick = 'ticks', lost_template = 'schedule_jobs',
                           lost_buffered = 'buffered', dead_idle = 'idle', lost_seat = 'seats',
                           lost_parents = 'parents', lost_unique = 'uniques',
                           lost_batch_job = 'batch_jobs'}) do
    mend[kind] = function(field) return drop_field(hash, field) end
  end

  function mend.wrong_class(id)
    redis.call('HSET', key('jobs'), id, '1' .. redis.call('HGET', key('jobs'), id):sub(2))
    return 'its class says so now'
  end

  function mend.endless_given(id)
    redis.call('ZADD', key('given_until'), integer(math.floor(now_us() / 1000) + GIVEN_MS), id)
    return 'is free in a day'
  end

  function mend.lost_until(id)
    redis.call('ZREM', key('given_until'), id)
    return 'dropped from given_until'
  end

  function mend.endless_unique(name)
    local span = redis.call('HGET', key('uniques'), name):match(' (%d+)$')
    redis.call('ZADD', key('uniques_until'), span, name)
    return 'is free when its time is over'
  end

  function mend.lost_unique_time(name)
    redis.call('ZREM', key('uniques_until'), name)
    return 'dropped from uniques_until'
  end

  function mend.no_parents(id)
    redis.call('ZREM', key('waiting'), id)
    return mend.orphan(id)
  end

  -- ---- batches

  function mend.bad_batch(name)
    redis.call('HSET', aside('batches'), name, redis.call('HGET', key('batches'), name))
    redis.call('HDEL', key('batches'), name)
    return 'moved to ' .. aside('batches')
  end

  function mend.lost_member(subject)
    local name, id = two_words(subject)
    if readable_batch(name) then batch_leave(name, id, 'deleted', math.floor(now_us() / 1000))
    else redis.call('SREM', key('batch:' .. name), id) end
    return 'counts as deleted'
  end

  function mend.stuck_batch(name)
    local b = batch_of(name)
    batch_complete(name, b, math.floor(now_us() / 1000))
    batch_keep(name, b)
    return 'complete'
  end

  function mend.endless_batch(name)
    redis.call('ZADD', key('batches_until'), integer(now_us() / 1000 + BATCH_RETAIN_MS), name)
    return 'is free in a week'
  end

  function mend.lost_batch_time(name)
    redis.call('ZREM', key('batches_until'), name)
    return 'dropped from batches_until'
  end

  function mend.lone_member(id)
    local name = batch_named(redis.call('HGET', key('jobs'), id))
    redis.call('SADD', key('batch:' .. name), id)
    return 'is waited for'
  end

  -- ---- limits

  function mend.lost_hold(id)
    free_holds({id}, 1, 1)
    redis.call('HDEL', key('holds'), id)
    return 'counts no more'
  end

  function mend.stray_hold(subject)
    local scope, id = two_words(subject)
    free_scope(scope, {id})
    return 'counts no more'
  end

  function mend.half_hold(id)
    for scope in held_by(id):gmatch('%S+') do redis.call('SADD', key('hold:' .. scope), id) end
    return 'counts'
  end

  function mend.uncounted(id)
    local scopes = uncounted_in(id)
    for _, one in ipairs(leased(id, score_in('active', id))) do hold(one, scopes) end
    return 'counts'
  end

  function mend.stuck_lane(lane)
    unpark(group_scope(lane))
    return 'put on the ring'
  end

  function mend.half_parked(lane)
    redis.call('ZREM', key('parked'), lane)
    redis.call('SREM', key('parked:' .. group_scope(lane)), lane)
    return mend.lane_off_ring(lane)
  end

  function mend.empty_parked(lane)
    lane_leave(lane)
    return 'parked no more'
  end

  function mend.lost_parked(subject)
    local scope, lane = two_words(subject)
    redis.call('SREM', key('parked:' .. scope), lane)
    return 'dropped from parked:' .. scope
  end

  function mend.wrong_limits()
    local n = redis.call('HLEN', key('limits'))
    if n > 0 then redis.call('HSET', key('meta'), 'limits', n)
    else redis.call('HDEL', key('meta'), 'limits') end
    return 'set to ' .. n
  end

  -- ---- schedules

  function mend.no_tick(name)
    redis.call('HSET', key('ticks'), name, tick_text(new_tick(math.floor(now_us() / 1000))))
    tell_edit(count_edit())
    return 'its times begin now'
  end

  function mend.unlisted_schedule(name)
    redis.call('ZADD', key('schedule_names'), 0, name)
    tell_edit(count_edit())
    return 'listed'
  end

  function mend.lost_name(name)
    redis.call('ZREM', key('schedule_names'), name)
    return 'dropped from schedule_names'
  end

  function mend.lost_history(name)
    redis.call('DEL', key('history:' .. name))
    return 'dropped'
  end

  -- ---- servers

  function mend.dead_server(server)
    for _, hash in ipairs({'servers', 'seats', 'idle'}) do redis.call('HDEL', key(hash), server) end
    return 'forgotten'
  end
end
