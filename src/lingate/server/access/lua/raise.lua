-- Tell of spending that Redis has missed. Only of calls whose settlement has arrived: it would count twice otherwise.
for i, key in ipairs(KEYS) do
  local known, told = redis.call('HGET', key, 's'), ARGV[2 * i - 1]
  if known and tonumber(known) < tonumber(told) then redis.call('HSET', key, 's', told) end
end
return #KEYS
