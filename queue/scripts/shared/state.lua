-- Where a job that stands for itself is, derived from where its id stands.
-- Second answer: its score there (active: end of the lease; scheduled, retry: due;
-- waiting: since when; else: ended).
local function state_of(id)
  for _, state in ipairs({'active', 'scheduled', 'retry', 'dead', 'cancelled', 'done',
                          'waiting'}) do
    local score = redis.call('ZSCORE', key(state), id)
    if score then return state, score end
  end
  return 'ready'
end

-- A job wherever it is, also in a pack, which stays as it is: its record, state and score.
local function find_job(id)
  local record = redis.call('HGET', key('jobs'), id)
  if record then return record, state_of(id) end
  local name, pack, i = pack_with(id)
  if not name then return end
  local score = redis.call('ZSCORE', key('active'), name)
  return pack_records(pack)[i + 1], score and 'active' or 'ready', score
end
