-- Nothing of a job that does not run is kept, but an id given by a person stays taken for a day.
-- Gives the status.
local function delete_job(id, record, state, now_ms)
  if state == 'active' then return state end
  lift(id)
  if state == 'ready' then leave_ghost(id, record, rare_of(id, record))
  else redis.call('ZREM', key(state), id) end
  unique_free(id, record)
  note('deleted', {id})
  scheduled_ended(id, record)
  job_ended(finish, id, record, 'deleted', now_ms)
  forget(id, record, now_ms)
  return 'deleted'
end
