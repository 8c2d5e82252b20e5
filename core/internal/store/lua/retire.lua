-- retire.lua ends a session and keeps its ID from being used again for a while:
-- the session's fields go, and META says that it is retired.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the retiring commit
-- ARGV[2]  token of the lease that must be held, '' if none need be
-- ARGV[3]  how long the ID stays retired, in ms
-- ARGV[4]  prefix of the processes' channels: shop_Wake_
-- ARGV[5]  token of the commit that must have been the last, '' for any
--
-- Returns  1        retired, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was retired by another, or is not readable
--          6        somebody else holds the lease, or nobody: nothing changed
--          7        there was another commit since: nothing changed
local data, lock, waiters = KEYS[1], KEYS[2], KEYS[3]
local token, lease, ttl, channel, last = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

-- include lib.lua

local meta = redis.call('HGET', data, META)
local code = classify(meta)
if code == RETIRED and string.sub(meta, 11) == token then return DONE end
if code ~= DONE then
  if lease ~= '' and redis.call('GET', lock) == lease then
    hand_over(lock, waiters, redis.call('GET', waiters), channel, lease)
  end
  return code
end
if lease ~= '' and redis.call('GET', lock) ~= lease then return LOST end
if last ~= '' and commit_token(meta) ~= last then return CHANGED end

redis.call('DEL', data)
redis.call('HSET', data, META, '1 retired ' .. token)
redis.call('PEXPIRE', data, ttl)
hand_over(lock, waiters, redis.call('GET', waiters), channel, lease)
return DONE
