-- Decide and reserve. Answers: 0 granted, 1 too many at once, 2 too fast, 3 over a budget, 8 who asks has to join again,
-- 9 budgets to be told of.
local me, np, nq, nt, nb = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local base, most, unit, bounded = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local k, a = 1, 9
if redis.call('ZADD', KEYS[1], now, me) == 1 then
  redis.call('ZREM', KEYS[1], me)
  return {8}
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - SILENCE)
local live = redis.call('ZRANGE', KEYS[1], 0, -1)
for i = 1, np do
  if total(KEYS[k + i], live) >= tonumber(ARGV[a + i]) then return {1, i - 1} end
end
k, a = k + np, a + np
local reply = {0, '0', now}
for i = 1, nq + nt do
  local limit, need = tonumber(ARGV[a + 2 * i - 1]), tonumber(ARGV[a + 2 * i])
  local found, used = slots(KEYS[k + i])
  if limit - used < need then
    local free, wait = limit - used, 1
    for _, slot in ipairs(found) do
      free, wait = free + slot[2], slot[1] + WINDOW - now
      if free >= need then break end
    end
    return {2, i - 1, wait}
  end
  reply[#reply + 1] = whole(used + need)
  reply[#reply + 1] = found[1] and found[1][1] or now
end
local qk, qa = k, a
k, a = k + nq + nt, a + 2 * (nq + nt)
local reserved_by = {}
for i, replica in ipairs(live) do reserved_by[i] = 'r:' .. replica end
local unknown = {9}
local tightest, least, held
for i = 1, nb do
  local spent = redis.call('HGET', KEYS[k + i], 's')
  if not spent then unknown[#unknown + 1] = i - 1
  else
    local reserved = total(KEYS[k + i], reserved_by)
    local left = tonumber(ARGV[a + 2 * i - 1]) - tonumber(spent) - reserved
    if not least or left < least then tightest, least, held = i - 1, left, reserved end
    reply[#reply + 1] = spent
  end
end
if #unknown > 1 then return unknown end
local grant = 0
if nb > 0 then
  if most >= 0 and most <= least then grant = most
  elseif bounded or least < base + unit then return {3, tightest, whole(least), whole(held)}
  else grant = least end
end
for i = 1, np do
  redis.call('HINCRBY', KEYS[1 + i], me, 1)
  redis.call('EXPIRE', KEYS[1 + i], KEEP)
end
for i = 1, nq + nt do
  redis.call('HINCRBY', KEYS[qk + i], now, ARGV[qa + 2 * i])
  redis.call('EXPIRE', KEYS[qk + i], WINDOW + 1)
end
for i = 1, nb do
  redis.call('HINCRBY', KEYS[k + i], 'r:' .. me, whole(grant))
  redis.call('EXPIRE', KEYS[k + i], ARGV[a + 2 * i])
end
reply[2] = whole(grant)
return reply
