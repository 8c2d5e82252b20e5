-- release.lua gives up a lease without writing, or a place in the queue for it. It also gives up
-- those of older tokens of the same process: a process asks for one lease of a session after the
-- other.
--
-- KEYS[1]  {shop_S}_Lock
-- KEYS[2]  {shop_S}_Waiters
-- ARGV[1]  token of the lease
-- ARGV[2]  prefix of the processes' channels: shop_Wake_
--
-- Returns  1  the token and older ones of its process hold nothing and wait for nothing
local lock, waiters = KEYS[1], KEYS[2]
local token, channel = ARGV[1], ARGV[2]

-- include lib.lua

local queue, holder = leave_queue(waiters, token), redis.call('GET', lock)
local own = holder and string.sub(holder, 1, PROCESS_LENGTH) == string.sub(token, 1, PROCESS_LENGTH)
if own and holder <= token then
  hand_over(lock, waiters, queue, channel, holder)
end
return DONE
