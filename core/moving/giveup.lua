-- Ends a claim to move a session, or takes back where it has gone.
-- KEYS[1]  where the session goes   {shop_Moved_0f3a…}
-- ARGV[1]  what the request has written there
-- Returns 1, or 0 if another request has written since.
local moved, own = KEYS[1], ARGV[1]

if redis.call('GET', moved) ~= own then
	return 0
end
return redis.call('DEL', moved)
