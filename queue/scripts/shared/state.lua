-- Where a job is, derived from where its id stands; `nil` when there is no such job.
-- Second answer: its score there (active: end of the lease; scheduled, retry: due; else: ended).
local function state_of(id, record)
  if not record then return nil end
  for _, state in ipairs({'active', 'scheduled', 'retry', 'dead', 'cancelled', 'done'}) do
    local score = redis.call('ZSCORE', key(state), id)
    if score then return state, score end
  end
  return 'ready'
end
