-- hasten.lua makes the end of a session due, if it is in the index of ends.
--
-- KEYS[1]  {shop_Ends_07}
-- ARGV[1]  now, unix ms
-- ARGV[2]  the session
--
-- Returns  1
local index, now, session = KEYS[1], ARGV[1], ARGV[2]

-- include lib.lua

redis.call('ZADD', index, 'XX', now, session)
return DONE
