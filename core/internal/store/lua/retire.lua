-- retire.lua ends a session and keeps its ID from being used again for a while:
-- the session's fields go, and META says that it is retired. Of a tracked session
-- the fields are put aside for whoever handles its end.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- KEYS[4]  {shop_S}_Timeout
-- KEYS[5]  {shop_S}_Ended
-- ARGV[1]  token of the retiring commit
-- ARGV[2]  token of the lease that must be held, '' if none need be
-- ARGV[3]  how long the ID stays retired, in ms
-- ARGV[4]  prefix of the processes' channels: shop_Wake_
-- ARGV[5]  token of the commit that must have been the last, '' for any
-- ARGV[6]  why the session ends, '' if it does not end but goes on under another ID
-- ARGV[7]  now, unix ms
-- ARGV[8]  '1' if an ID is retired even if there is no such session, so that one that is
--          still on its way to be created is not
--
-- Returns  {1, extras}  retired, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was retired by another, or is not readable
--          6        somebody else holds the lease, or nobody: nothing changed
--          7        there was another commit since: nothing changed
local data, lock, waiters, alive, ended = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, lease, ttl, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local last, reason, now, always = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'

-- include lib.lua

local meta = redis.call('HGET', data, META)
local code, timeout, created, extras = classify(meta)
local kept = code == DONE and retention(extras)
if kept and redis.call('EXISTS', alive) == 0 then code = UNKNOWN end
if code == RETIRED then
  local by, had = string.match(meta, '^1 retired (%S+) ?%l* ?(.*)$')
  if by == token then return {DONE, had} end
elseif code == UNKNOWN then
  -- What is left of a tracked session is there for longer.
  local by, had = string.match(redis.call('HGET', ended, META) or '', '^' .. MOVED .. '(%S+) ?(.*)$')
  if by == token then return {DONE, had} end
end
if code == UNKNOWN and always then
  redis.call('DEL', data)
  redis.call('HSET', data, META, '1 retired ' .. token .. ' moved -')
  redis.call('PEXPIRE', data, ttl)
end
if code ~= DONE then
  if lease ~= '' and redis.call('GET', lock) == lease then
    hand_over(lock, waiters, redis.call('GET', waiters), channel, lease)
  end
  return code
end
if lease ~= '' and redis.call('GET', lock) ~= lease then return LOST end
if last ~= '' and commit_token(meta) ~= last then return CHANGED end

if kept and reason ~= '' then
  local used = string.format('%.0f', now - math.max(0, timeout + kept - redis.call('PTTL', data)))
  redis.call('RENAME', data, ended)
  local principal = string.match(meta, '^1 %d+ %d+ %S+ %S+ (.*)$')
  redis.call('HSET', ended, META, table.concat({'1 ended', reason, used, now, 0, created, principal}, ' '))
  redis.call('PEXPIRE', ended, timeout + kept)
  -- The server tells of keys that expire, so that the end is heard of at once.
  redis.call('SET', alive, '', 'PX', 1)
else
  redis.call('DEL', data, alive)
  if kept then
    redis.call('HSET', ended, META, MOVED .. token .. ' ' .. extras)
    redis.call('PEXPIRE', ended, timeout + kept)
  end
end
redis.call('HSET', data, META, '1 retired ' .. token .. (reason == '' and ' moved ' or ' ended ') .. extras)
redis.call('PEXPIRE', data, ttl)
hand_over(lock, waiters, redis.call('GET', waiters), channel, lease)
return {DONE, extras}
