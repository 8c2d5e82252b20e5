-- enlist.lua puts a session into the index of its principal.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1]  the session
-- ARGV[2]  now, unix ms
-- ARGV[3]  how long the index is to live at least, in ms
-- ARGV[4]  the session whose place it takes, or '': that stays in the index until it is
--          retired, so that neither is ever missing
--
-- Each sign-in has a score of its own, so sessions with the same score are one that is
-- being rotated.
--
-- Returns  {1}            enlisted, now or before
--          {2, other, …}  the same; and of a large index the oldest, to look at which of
--                         them are gone
--          {3}            the one whose place it takes is not there, so neither is it
local index = KEYS[1]
local session, now, ttl, place = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
-- An index of so many sessions is looked through at each sign-in, so many at a time.
local MANY, SOME = 64, 16

-- include lib.lua

if not redis.call('ZSCORE', index, session) then
  local score
  if place ~= '' then
    score = redis.call('ZSCORE', index, place)
    if not score then return {UNKNOWN} end
  else
    -- The last one is the newest, whatever the clocks of two processes say.
    local newest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
    score = now
    if newest[2] and tonumber(newest[2]) >= now then score = tonumber(newest[2]) + 1 end
    score = string.format('%.0f', score)
  end
  redis.call('ZADD', index, score, session)
end
if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, ttl) end
if redis.call('ZCARD', index) <= MANY then return {DONE} end
local oldest = redis.call('ZRANGE', index, 0, SOME - 1)
table.insert(oldest, 1, BUSY)
return oldest
