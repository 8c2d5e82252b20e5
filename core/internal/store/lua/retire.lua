-- retire.lua ends a session. Its fields go. For a while, META says that it is retired, by which token
-- and why. If the session is tracked, the script keeps the fields for the handler of its end. It tells
-- those who watch the session, on the channel shop_Watch.
--
-- KEYS[1]  {shop_S}_Data
-- Without these, the script touches Data alone, and never deletes it on the way to a retired session: in a
-- slot that moves, it could not make it again. It leaves the lease.
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- KEYS[4]  {shop_S}_Timeout
-- KEYS[5]  {shop_S}_Ended
-- ARGV[1]  token of this retirement: a second try has the same
-- ARGV[2]  token of the lease that the caller may hold, '' for none; the script gives it up
-- ARGV[3]  prefix of the processes' channels: shop_Wake_
-- ARGV[4]  why the session ends
-- ARGV[5]  now, unix ms
-- ARGV[6]  proof with which the caller began the session
-- ARGV[7]  "=" and the principal to whom the session must belong, '' for any
-- ARGV[8]  '1' to delete also a session that is not readable; nothing of it is kept
--
-- Returns  {1, extras}  retired, now or by an earlier try with this token
--          3, 4, 5      the session has expired or belongs to another principal, was retired
--                       with another token, or is not readable
--          7            the proof was rotated away meanwhile: the session goes on
--          0            Data alone is not enough, because the session is tracked: nothing was done
local data, lock, waiters, alive, ended = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, lease, channel, reason, now, proof, whose = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
-- If somebody else ended the session, its client may learn why for DAY at most, in ms.
local DAY = 86400000

-- include lib.lua

local own = redis.call('HMGET', data, META, SECRET)
local meta = own[1]
local code, timeout, created, extras = classify(meta)
local kept = code == DONE and retention(extras)
local function let_go()
  if lock then hand_over(lock, waiters, redis.call('GET', waiters), channel, lease) end
end
if kept and not lock then return 0 end
if kept and redis.call('EXISTS', alive) == 0 then code = UNKNOWN end
if code == RETIRED then
  local by, had = string.match(meta, '^2 retired (%S+) %l+ (.*)$')
  if by == token then
    on_master(data)
    return {DONE, had}
  end
elseif code == DONE and proof ~= '' and proof ~= own[2] then
  code = ROTATED
elseif code == DONE and whose ~= '' and whose ~= '=' .. principal_of(meta) then
  code = UNKNOWN
end
if code == UNSUPPORTED and ARGV[8] == '1' then
  redis.call('DEL', data)
  let_go()
  tell_watchers(data)
  return {DONE, 'c1'} -- it may have a companion
end
if code ~= DONE then
  on_master(data)
  if lock and lease ~= '' and redis.call('GET', lock) == lease then let_go() end
  return code
end

if kept then
  local used = string.format('%.0f', now - math.max(0, timeout + kept - redis.call('PTTL', data)))
  redis.call('RENAME', data, ended)
  redis.call('HSET', ended, META, table.concat(
    {'2 ended', reason, used, now, 0, created, authenticated(extras), principal_of(meta)}, ' '))
  redis.call('PEXPIRE', ended, timeout + kept)
  -- The server notifies of keys that expire. So HandleEnd hears of this end at once.
  redis.call('SET', alive, '', 'PX', 1)
elseif lock then
  redis.call('DEL', data)
else
  wipe(data)
  redis.call('HDEL', data, MAC)
end
local memory = MEMORY
if reason ~= 'abandoned' then memory = math.max(MEMORY, math.min(tonumber(timeout), DAY)) end
redis.call('HSET', data, META, table.concat({'2 retired', token, reason, extras}, ' '), SECRET, own[2] or '')
redis.call('PEXPIRE', data, memory)
let_go()
tell_watchers(data)
return {DONE, extras}
