-- enlist.lua puts a session into the index of its principal.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1]  the session
-- ARGV[2]  now, unix ms
-- ARGV[3]  how long the index is to live at least, in ms
-- ARGV[4]  the session whose place it takes, or '': that stays in the index until it is
--          retired, so that neither is ever missing
-- ARGV[5]  how many there may be, 0 for any number
-- ARGV[6]  what to do:
--          "check"      nothing: is the index there to be written to?
--          "add"        enlist it; without a limit also look for some that may be gone
--          "look"       are there too many?
--          "make room"  who has to give way?
-- ARGV[7…] sessions that are gone
--
-- Each sign-in has a score of its own, so sessions with the same score are one that is
-- being rotated.
--
-- Returns  {1, session, …}  the sessions that have to give way, oldest first. They stay
--                           in the index until they have, so that a second try finds
--                           them again
--          {2, session, …}  there are too many: all of them, to look at which are gone; or
--                           without a limit the oldest, now and then
--          {3}              the one whose place it takes is not there, so neither is it
local index = KEYS[1]
local session, now, ttl, place, limit, mode = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]
-- Without a limit, an index of so many sessions is looked through at each sign-in, so
-- many at a time.
local MANY, SOME = 64, 16

-- include lib.lua

for i = 7, #ARGV do redis.call('ZREM', index, ARGV[i]) end
local sessions = {DONE}
if mode == 'check' then
  redis.call('ZCARD', index)
  return sessions
elseif mode == 'add' then
  if not redis.call('ZSCORE', index, session) then
    local score = place ~= '' and redis.call('ZSCORE', index, place)
    if place ~= '' and not score then return {UNKNOWN} end
    if not score then
      -- The last one is the newest, whatever the clocks of two processes say.
      local newest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
      score = now
      if newest[2] and tonumber(newest[2]) >= now then score = tonumber(newest[2]) + 1 end
      score = string.format('%.0f', score)
    end
    redis.call('ZADD', index, score, session)
  end
  if redis.call('PTTL', index) < ttl then redis.call('PEXPIRE', index, ttl) end
  if limit == 0 and redis.call('ZCARD', index) > MANY then
    sessions = redis.call('ZRANGE', index, 0, SOME - 1)
    table.insert(sessions, 1, BUSY)
  end
  return sessions
end

local all = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
local signins = 0
for i = 2, #all, 2 do
  if all[i] ~= all[i - 2] then signins = signins + 1 end
end
local surplus = signins - limit
if surplus <= 0 then return sessions end
if mode == 'look' then sessions[1], surplus = BUSY, signins end
for i = 2, #all, 2 do
  if all[i] ~= all[i - 2] then surplus = surplus - 1 end
  if surplus < 0 then break end
  table.insert(sessions, all[i - 1])
end
return sessions
