#!lua
--@ include key now record pack note wake lane batch
-- batch_open: a batch begins, or is told what job to make when it is complete. Refused by a full
-- Redis, for it adds a record.
--
-- KEYS  1 queue
-- ARGV  1 NAME   2 ID of the job that it makes, or ''   3 its RECORD, without times
-- Gives 'opened' | 'existing', with that job, or when none is asked for | 'changed', it makes that
--       job now | 'conflict', it makes another one | 'closed', and it makes none
local name, id, record = unpack(ARGV)
local b, digest = batch_of(name), id ~= '' and redis.sha1hex(record) or nil

if b and (not digest or b.digest == digest) then return 'existing' end
if b and b.digest then return 'conflict' end
if b and b.closed then return 'closed' end
local status = b and 'changed' or 'opened'
b = b or {n = 0, opened = math.ceil(now_us() / 1000)}
if digest then
  b.job, b.digest = id, digest
  redis.call('HSET', key('batch_jobs'), name, record)
end
batch_keep(name, b)
return status
