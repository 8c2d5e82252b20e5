-- advance.lua makes the deadline of a session in the index of ends earlier, if it is there.
--
-- KEYS[1]  {shop_Ends_07}
-- ARGV[1]  the deadline, unix ms
-- ARGV[2]  the session
--
-- Returns  1
local index, due, session = KEYS[1], ARGV[1], ARGV[2]

-- include lib.lua

local score = redis.call('ZSCORE', index, session)
if score and tonumber(score) > tonumber(due) then redis.call('ZADD', index, due, session) end
return DONE
