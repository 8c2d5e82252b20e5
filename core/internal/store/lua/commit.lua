-- commit.lua writes the changes of a session that is held by a lease, starts its
-- idle time anew, and gives the lease up.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the lease
-- ARGV[2]  idle timeout in ms
-- ARGV[3]  deadline in unix ms, 0 for none
-- ARGV[4]  prefix of the processes' channels: shop_Wake_
-- ARGV[5]  how many of the following are field-value pairs, times two
-- ARGV[6…] field, value, … with META first, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was ended, or is not readable
--          6        somebody else holds the lease, or nobody: nothing written
local data, lock, waiters = KEYS[1], KEYS[2], KEYS[3]
local token, timeout, deadline, channel, pairs = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])

local held = redis.call('MGET', lock, waiters)
if held[1] ~= token then
  local meta = redis.call('HGET', data, META)
  local code = classify(meta)
  if code ~= DONE then return code end
  if string.match(meta, '^1 %d+ %d+ %d+ (%S+) ') == token then return DONE end
  return LOST
end

local alive = touch(data, timeout, deadline)
if alive then write(data, 6, 5 + pairs) end
hand_over(lock, waiters, held[2], channel)
if alive then return DONE end
return UNKNOWN
