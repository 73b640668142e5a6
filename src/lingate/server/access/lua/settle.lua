-- End a reservation. What Redis has lost of it meanwhile is nothing to be taken back, and nobody's counter becomes less
-- than nothing by it. A budget that it has lost is told by the ledger, which has this call too.
local me, np, nt, nb = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slot, reserved, spent = ARGV[5], ARGV[6], ARGV[7]
for i = 1, np do
  if redis.call('HINCRBY', KEYS[i], me, -1) <= 0 then redis.call('HDEL', KEYS[i], me) end
end
for i = 1, nt do
  local key, delta = KEYS[np + i], tonumber(ARGV[7 + i])
  if delta > 0 then
    redis.call('HINCRBY', key, now, ARGV[7 + i])
    redis.call('EXPIRE', key, WINDOW + 1)
  elseif delta < 0 and redis.call('HEXISTS', key, slot) == 1 then redis.call('HINCRBY', key, slot, ARGV[7 + i]) end
end
for i = 1, nb do
  local key = KEYS[np + nt + i]
  local held = redis.call('HGET', key, 'r:' .. me)
  if held then
    local left = tonumber(held) - tonumber(reserved)
    if left <= 0 then redis.call('HDEL', key, 'r:' .. me) else redis.call('HSET', key, 'r:' .. me, whole(left)) end
  end
  if redis.call('HEXISTS', key, 's') == 1 then redis.call('HINCRBY', key, 's', spent) end
end
return now
