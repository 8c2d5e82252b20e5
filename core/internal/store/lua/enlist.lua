-- enlist.lua puts a session into the index of its principal.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1]  the session
-- ARGV[2]  now, unix ms
-- ARGV[3]  how long the index is to live at least, in ms
-- ARGV[4]  the session whose place it takes, or ''
-- ARGV[5]  how many sessions there may be, 0 for any number
-- ARGV[6]  "look" or "make room" if there are more
-- ARGV[7…] sessions that are gone
--
-- Returns  {1, session, …}  enlisted; the sessions that had to give way, oldest first
--          {2, session, …}  enlisted, and there are too many: all but the new one, to
--                           look at which of them are gone
local index = KEYS[1]
local session, now, ttl, place, limit, mode = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]

-- include lib.lua

for i = 7, #ARGV do redis.call('ZREM', index, ARGV[i]) end
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

local surplus = redis.call('ZCARD', index) - limit
if limit == 0 or surplus <= 0 then return {DONE} end
if mode == 'look' then
  local all = {BUSY}
  for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if other ~= session then table.insert(all, other) end
  end
  return all
end
local oldest = redis.call('ZRANGE', index, 0, surplus - 1)
for _, other in ipairs(oldest) do redis.call('ZREM', index, other) end
table.insert(oldest, 1, DONE)
return oldest
