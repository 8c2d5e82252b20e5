-- listed.lua returns what an index has, the smallest score first. It is a script since a client may send
-- ZRANGE to a replica, which may be behind.
--
-- KEYS[1]  {shop_Principal_P}, or {shop_Ends_07}_Aside
-- ARGV[1]  the last place to return, -1 for all
--
-- Returns  {session, score, session, score, …}
local index = KEYS[1]

-- include lib.lua
redis.call('ZREM', index, '') -- see on_master

return redis.call('ZRANGE', index, 0, ARGV[1], 'WITHSCORES')
