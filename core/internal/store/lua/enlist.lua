-- enlist.lua puts a session into the index of its principal.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1]  the session
-- ARGV[2]  now, unix ms
-- ARGV[3]  how long the index is to live at least, in ms
-- ARGV[4]  the session whose place it takes, or ''
-- ARGV[5]  how many sessions there may be, 0 for any number
-- ARGV[6]  what to do: "look" enlists; "make room" is what follows if there are too many,
--          and enlists nothing: the session may have had to give way itself meanwhile
-- ARGV[7…] sessions that are gone
--
-- Returns  {1, session, …}  the sessions that have to give way, oldest first. They stay
--                           in the index until they have, so that a second try finds
--                           them again
--          {2, session, …}  enlisted, and there are too many: all of them, to look at
--                           which are gone
local index = KEYS[1]
local session, now, ttl, place, limit, mode = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]

-- include lib.lua

for i = 7, #ARGV do redis.call('ZREM', index, ARGV[i]) end
if mode == 'look' then
  local score
  if place ~= '' then
    score = redis.call('ZSCORE', index, place)
    redis.call('ZREM', index, place)
  end
  if not redis.call('ZSCORE', index, session) then
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
end

local surplus = redis.call('ZCARD', index) - limit
if limit == 0 or surplus <= 0 then return {DONE} end
local code, last = DONE, surplus - 1
if mode == 'look' then code, last = BUSY, -1 end
local sessions = redis.call('ZRANGE', index, 0, last)
table.insert(sessions, 1, code)
return sessions
