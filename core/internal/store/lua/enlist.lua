-- enlist.lua puts a session into the index of its principal.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1]  the session
-- ARGV[2]  now, unix ms
-- ARGV[3]  how long the index must live at least, in ms
-- ARGV[4]  "newest" if the session has just signed in, '' to keep its place
-- ARGV[5]  how many sessions the index may have, 0 for any number
--
-- Each sign-in has a score of its own. So unlist.lua can take out a sign-in that was found to be
-- gone, and not a later sign-in of the same session.
--
-- Returns  {1}                   enlisted, now or before
--          {2, other, score, …}  the same, and the index is large: its oldest sessions. The
--                                caller looks which of them are gone
--          {3, other, score, …}  not enlisted, since there is no place: all sessions of the index
local index = KEYS[1]
local session, now, ttl, newest = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == 'newest'
local places = tonumber(ARGV[5])
-- An index of more than MANY sessions is large. Each time, the caller looks at the SOME oldest.
local MANY, SOME = 64, 16

-- include lib.lua

if places > 0 and redis.call('ZCARD', index) >= places and not redis.call('ZSCORE', index, session) then
  redis.call('ZREM', index, '') -- see on_master
  local all = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
  table.insert(all, 1, UNKNOWN)
  return all
end
if newest or not redis.call('ZSCORE', index, session) then
  -- The last one is the newest, whatever the clocks of two processes say.
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  local score = now
  if last[2] and tonumber(last[2]) >= now then score = tonumber(last[2]) + 1 end
  redis.call('ZADD', index, string.format('%.0f', score), session)
end
if redis.call('PTTL', index) < ttl then
  redis.call('PEXPIRE', index, ttl)
else
  redis.call('ZREM', index, '') -- see on_master
end
if redis.call('ZCARD', index) <= MANY then return {DONE} end
local oldest = redis.call('ZRANGE', index, 0, SOME - 1, 'WITHSCORES')
table.insert(oldest, 1, BUSY)
return oldest
