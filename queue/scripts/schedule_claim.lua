#!lua
-- schedule_claim: a name is claimed for a queue, in the whole namespace. Refused by a full Redis.
--
-- KEYS  1 the hash NAME -> QUEUE
-- ARGV  1 NAME   2 QUEUE
-- Gives the queue that has it
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
