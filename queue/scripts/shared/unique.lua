-- A unique key has one job. The hash `uniques` holds KEY -> `ID SPAN`. SPAN is 'start', until the
-- job is claimed; 'done', until it has ended; or the ms when the key is free, whatever becomes of
-- the job. Its header names it: u=KEY=SPAN, there with milliseconds from its enqueue on.
local function unique_of(record)
  local text = record:byte() == 49 and header(record, 'u')
  if text then return text:match('^([^=]+)=(%w+)$') end
end

-- A job has ended or was deleted, or (`started`) it was claimed: another may have its key.
local function unique_free(id, record, started)
  local name, span = unique_of(record)
  if not name or tonumber(span) or started and span ~= 'start' then return end
  if redis.call('HGET', key('uniques'), name) == id .. ' ' .. span then
    redis.call('HDEL', key('uniques'), name)
  end
end
