#!lua flags=allow-oom
--@ include key
-- on_dead: names the kinds of the jobs that carry dead ones of this queue, as servers are told when
-- they begin to serve it. What is not named stays as it was; see shared/die.
--
-- KEYS  1 queue
-- ARGV  SCOPE, KIND ('': none any more) ...   SCOPE: 'queue' | 'kind:' and a pattern of a handler
-- Gives {'ok' | 'full' (nothing was changed)}
local SCOPES_MAX, flat, scopes, total = 1000, redis.call('HGETALL', key('on_dead')), {}, 0
for i = 1, #flat, 2 do scopes[flat[i]] = flat[i + 1] end
for i = 1, #ARGV, 2 do scopes[ARGV[i]] = ARGV[i + 1] ~= '' and ARGV[i + 1] or nil end
for _ in pairs(scopes) do total = total + 1 end
if total > SCOPES_MAX then return {'full'} end

for i = 1, #ARGV, 2 do
  if ARGV[i + 1] ~= '' then redis.call('HSET', key('on_dead'), ARGV[i], ARGV[i + 1])
  else redis.call('HDEL', key('on_dead'), ARGV[i]) end
end
return {'ok'}
