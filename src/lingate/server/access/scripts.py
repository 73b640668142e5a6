"""What Redis does, each as one atomic script. Counters are hashes; every replica has its own fields for what is under way.

    p:<meter>           replica -> calls under way
    q:<meter>           second -> requests or tokens
    b:<budget>:<start>  s -> spent, r:<replica> -> reserved; a hash without `s` has yet to be told what the ledger knows
    replicas            replica -> when it was last heard of; what a dead one had under way counts no more

Amounts are whole billionths of a dollar. Lua's numbers are exact up to nine million dollars of them.
"""

from __future__ import annotations

WINDOW = 61
"""Seconds that an event counts, as in `meters.py`."""
SILENCE = 15
"""Seconds after which a replica that is not heard of is taken for dead."""
_KEEP_FOREVER = 30 * 86400

_COMMON = f"""
local now = tonumber(redis.call('TIME')[1])
local function whole(number) return string.format('%.0f', number) end
local function total(key, fields)
  if #fields == 0 then return 0 end
  local sum = 0
  for _, value in ipairs(redis.call('HMGET', key, unpack(fields))) do
    if value then sum = sum + tonumber(value) end
  end
  return sum
end
local function slots(key)
  local found, sum, all = {{}}, 0, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local second, count = tonumber(all[i]), tonumber(all[i + 1])
    if second <= now - {WINDOW} then redis.call('HDEL', key, all[i])
    else found[#found + 1] = {{second, count}}; sum = sum + count end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found, sum
end
"""

ADMIT = (
    _COMMON
    + f"""
local me, np, nq, nt, nb = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local base, most, unit, bounded = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local k, a = 1, 9
redis.call('ZADD', KEYS[1], now, me)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {SILENCE})
local live = redis.call('ZRANGE', KEYS[1], 0, -1)
for i = 1, np do
  if total(KEYS[k + i], live) >= tonumber(ARGV[a + i]) then return {{1, i - 1}} end
end
k, a = k + np, a + np
local reply = {{0, '0', now}}
for i = 1, nq + nt do
  local limit, need = tonumber(ARGV[a + 2 * i - 1]), tonumber(ARGV[a + 2 * i])
  local found, used = slots(KEYS[k + i])
  if limit - used < need then
    local free, wait = limit - used, 1
    for _, slot in ipairs(found) do
      free, wait = free + slot[2], slot[1] + {WINDOW} - now
      if free >= need then break end
    end
    return {{2, i - 1, wait}}
  end
  reply[#reply + 1] = whole(used + need)
  reply[#reply + 1] = found[1] and found[1][1] or now
end
local qk, qa = k, a
k, a = k + nq + nt, a + 2 * (nq + nt)
local reserved_by = {{}}
for i, replica in ipairs(live) do reserved_by[i] = 'r:' .. replica end
local unknown = {{9}}
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
  elseif bounded or least < base + unit then return {{3, tightest, whole(least), whole(held)}}
  else grant = least end
end
for i = 1, np do
  redis.call('HINCRBY', KEYS[1 + i], me, 1)
  redis.call('EXPIRE', KEYS[1 + i], {_KEEP_FOREVER})
end
for i = 1, nq + nt do
  redis.call('HINCRBY', KEYS[qk + i], now, ARGV[qa + 2 * i])
  redis.call('EXPIRE', KEYS[qk + i], {WINDOW + 1})
end
for i = 1, nb do
  redis.call('HINCRBY', KEYS[k + i], 'r:' .. me, whole(grant))
  redis.call('EXPIRE', KEYS[k + i], ARGV[a + 2 * i])
end
reply[2] = whole(grant)
return reply
"""
)
"""Decide and reserve. Answers: 0 granted, 1 too many at once, 2 too fast, 3 over a budget, 9 budgets to be told of."""

SETTLE = (
    _COMMON
    + """
local me, np, nt, nb = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slot, reserved, spent = ARGV[5], ARGV[6], ARGV[7]
for i = 1, np do
  if redis.call('HINCRBY', KEYS[i], me, -1) <= 0 then redis.call('HDEL', KEYS[i], me) end
end
for i = 1, nt do
  local key, delta = KEYS[np + i], tonumber(ARGV[7 + i])
  if delta > 0 then
    redis.call('HINCRBY', key, now, ARGV[7 + i])
    redis.call('EXPIRE', key, 62)
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
"""
)
"""End a reservation. What Redis has lost of it meanwhile is nothing to be taken back, and nobody's counter becomes less
than nothing by it. A budget that it has lost is told by the ledger, which has this call too.
"""

SEED = """
for i, key in ipairs(KEYS) do
  local reserved = ARGV[3 * i + 1]
  redis.call('HSETNX', key, 's', ARGV[3 * i - 1])
  if reserved ~= '0' then redis.call('HSETNX', key, 'r:' .. ARGV[1], reserved) end
  redis.call('EXPIRE', key, ARGV[3 * i])
end
return #KEYS
"""
"""Tell what the ledger knows of budgets that Redis knows nothing of, and what is under way. Who comes second has nothing to
add but that.
"""

RAISE = """
for i, key in ipairs(KEYS) do
  local known, told = redis.call('HGET', key, 's'), ARGV[2 * i - 1]
  if known and tonumber(known) < tonumber(told) then redis.call('HSET', key, 's', told) end
end
return #KEYS
"""
"""Tell of spending that Redis has missed. Only of calls whose settlement has arrived: it would count twice otherwise."""

JOIN = """
local me, was, np = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], me)
if was ~= '' then redis.call('ZREM', KEYS[1], was) end
for i = 2, #KEYS do
  redis.call('HINCRBY', KEYS[i], i <= np + 1 and me or 'r:' .. me, ARGV[2 + i])
  if redis.call('TTL', KEYS[i]) < 0 then redis.call('EXPIRE', KEYS[i], 30 * 86400) end
end
return #KEYS
"""
"""Come under a new name, with everything that is under way; what ends meanwhile is told after it."""
