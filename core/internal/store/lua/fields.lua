-- fields.lua returns a hash. It is a script since a client may send HGETALL to a replica, which may be
-- behind.
--
-- KEYS[1]  {shop_S}_Ended
--
-- Returns  {field, value, field, value, …}
local hash = KEYS[1]

-- include lib.lua

on_master(hash)
return redis.call('HGETALL', hash)
