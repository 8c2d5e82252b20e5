-- Tells where a session has gone, if the request still has the claim to move it.
-- KEYS[1]  where the session goes   {shop_Moved_0f3a…}
-- ARGV[1]  what the request has written there, its claim
-- ARGV[2]  where the session has gone
-- ARGV[3]  for how long that is kept, in ms
-- Returns 1, or 0 if the claim has run out, and another request may move the session.
local moved, own, to, keep = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('GET', moved)
if found ~= own and found ~= to then
	return 0
end
redis.call('SET', moved, to, 'PX', keep)
return 1
