-- Counters are hashes; every replica has its own fields for what is under way.
--
--   p:<meter>           replica -> calls under way
--   q:<meter>           second -> requests or tokens
--   b:<budget>:<start>  s -> spent, r:<replica> -> reserved; a hash without `s` has yet to be told what the ledger knows
--   replicas            replica -> when it was last heard of; what a dead one had under way counts no more
--
-- Amounts are whole billionths of a dollar. Lua's numbers are exact up to nine million dollars of them.
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
  local found, sum, all = {}, 0, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local second, count = tonumber(all[i]), tonumber(all[i + 1])
    if second <= now - WINDOW then redis.call('HDEL', key, all[i])
    else found[#found + 1] = {second, count}; sum = sum + count end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found, sum
end
