-- due.lua takes sessions that are due out of a bucket of the index of ends, for a while. Nobody else
-- gets them until then.
--
-- KEYS[1]  {shop_Ends_07}
-- ARGV[1]  now, unix ms
-- ARGV[2]  until when the caller takes them, unix ms
-- ARGV[3]  how many at most, up to 1000
--
-- Returns the sessions. The one that has been due for longest comes first
local index = KEYS[1]
local now, til, limit = ARGV[1], ARGV[2], ARGV[3]

-- include lib.lua

local due = redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, limit)
for _, session in ipairs(due) do redis.call('ZADD', index, til, session) end
return due
