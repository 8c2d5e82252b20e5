-- renew.lua prolongs a lease. The session does not expire meanwhile.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Timeout
-- ARGV[1]  token of the lease
-- ARGV[2]  TTL of the lease in ms
-- ARGV[3]  longest life of a session in ms, 0 for none
--
-- Returns  1  prolonged
--          6  the token does not hold the lease any more
local data, lock, alive = KEYS[1], KEYS[2], KEYS[3]
local token, lease, lifetime = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- include lib.lua

if redis.call('GET', lock) ~= token then
  on_master(data)
  return LOST
end
redis.call('PEXPIRE', lock, lease)
local code, timeout, created, extras = classify(redis.call('HGET', data, META))
if code == DONE then
  if tonumber(timeout) < tonumber(lease) then timeout = lease end
  touch(data, alive, timeout, extras, deadline(created, extras, lifetime))
end
return DONE
