-- retire.lua ends a session and keeps its ID from being used again for a while:
-- the session's fields go, and META says that it is retired.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the retiring commit
-- ARGV[2]  "held" if the token must hold the lease, "free" if it need not
-- ARGV[3]  how long the ID stays retired, in ms
-- ARGV[4]  prefix of the processes' channels: shop_Wake_
--
-- Returns  1        retired, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was retired by another, or is not readable
--          6        somebody else holds the lease, or nobody: nothing changed
local data, lock, waiters = KEYS[1], KEYS[2], KEYS[3]
local token, mode, ttl, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local meta = redis.call('HGET', data, META)
local code = classify(meta)
if code == RETIRED and string.sub(meta, 11) == token then return DONE end
if code ~= DONE then
  if redis.call('GET', lock) == token then
    hand_over(lock, waiters, redis.call('GET', waiters), channel)
  end
  return code
end
if mode == 'held' and redis.call('GET', lock) ~= token then return LOST end

redis.call('DEL', data)
redis.call('HSET', data, META, '1 retired ' .. token)
redis.call('PEXPIRE', data, ttl)
hand_over(lock, waiters, redis.call('GET', waiters), channel)
return DONE
