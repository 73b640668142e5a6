-- Tell what the ledger knows of budgets that Redis knows nothing of, and what is under way. Who comes second has nothing to
-- add but that.
for i, key in ipairs(KEYS) do
  local reserved = ARGV[3 * i + 1]
  redis.call('HSETNX', key, 's', ARGV[3 * i - 1])
  if reserved ~= '0' then redis.call('HSETNX', key, 'r:' .. ARGV[1], reserved) end
  redis.call('EXPIRE', key, ARGV[3 * i])
end
return #KEYS
