-- Come under a new name, with everything that is under way; what ends meanwhile is told after it.
-- Answers 1 if the name is new here.
local me, was, np = ARGV[1], ARGV[2], tonumber(ARGV[3])
local new = redis.call('ZADD', KEYS[1], redis.call('TIME')[1], me)
if was ~= '' then redis.call('ZREM', KEYS[1], was) end
for i = 2, #KEYS do
  redis.call('HINCRBY', KEYS[i], i <= np + 1 and me or 'r:' .. me, ARGV[2 + i])
  if redis.call('TTL', KEYS[i]) < 0 then redis.call('EXPIRE', KEYS[i], KEEP) end
end
return new
