-- enlist.lua puts a session into the index of its principal.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1]  the session
-- ARGV[2]  now, unix ms
-- ARGV[3]  how long the index is to live at least, in ms
-- ARGV[4]  "newest" if it has just signed in, '' to leave it where it is
--
-- Each sign-in has a score of its own, so that one which is found to be gone can be taken out
-- without taking out a later one of the same session: see unlist.lua.
--
-- Returns  {1}                   enlisted, now or before
--          {2, other, score, …}  the same; and of a large index the oldest, to look at which
--                                of them are gone
local index = KEYS[1]
local session, now, ttl, newest = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == 'newest'
-- An index of so many sessions is looked through at each sign-in, so many at a time.
local MANY, SOME = 64, 16

-- include lib.lua

if newest or not redis.call('ZSCORE', index, session) then
  -- The last one is the newest, whatever the clocks of two processes say.
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  local score = now
  if last[2] and tonumber(last[2]) >= now then score = tonumber(last[2]) + 1 end
  redis.call('ZADD', index, string.format('%.0f', score), session)
end
if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, ttl) end
if redis.call('ZCARD', index) <= MANY then return {DONE} end
local oldest = redis.call('ZRANGE', index, 0, SOME - 1, 'WITHSCORES')
table.insert(oldest, 1, BUSY)
return oldest
