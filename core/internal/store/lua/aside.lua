-- aside.lua moves a session between the two sorted sets of a bucket of the index of ends.
--
-- KEYS[1]  {shop_Ends_07}, or {shop_Ends_07}_Aside to move it back
-- KEYS[2]  {shop_Ends_07}_Aside, or {shop_Ends_07}
-- ARGV[1]  the session
-- ARGV[2]  its score there, unix ms
--
-- Returns  1  moved, now or by an earlier try
--          3  the session is in neither
local from, to = KEYS[1], KEYS[2]
local session, score = ARGV[1], ARGV[2]

-- include lib.lua

if redis.call('ZREM', from, session) == 0 and not redis.call('ZSCORE', to, session) then return UNKNOWN end
redis.call('ZADD', to, score, session)
return DONE
