-- release.lua gives up a lease without writing, or a place in the queue for it.
--
-- KEYS[1]  {shop_S}_Lock
-- KEYS[2]  {shop_S}_Waiters
-- ARGV[1]  token of the lease
-- ARGV[2]  prefix of the processes' channels: shop_Wake_
--
-- Returns  1  the token holds nothing and waits for nothing any more
local lock, waiters = KEYS[1], KEYS[2]
local token, channel = ARGV[1], ARGV[2]

-- include lib.lua

if redis.call('GET', lock) == token then
  hand_over(lock, waiters, redis.call('GET', waiters), channel, token)
else
  leave_queue(waiters, token)
end
return DONE
