-- commit.lua writes the changes of a session that is held by a lease, starts its
-- idle time anew, and gives the lease up.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- KEYS[4]  {shop_S}_Timeout
-- ARGV[1]  token of the lease
-- ARGV[2]  token of the commit
-- ARGV[3]  idle timeout in ms, or '' to keep the session's own
-- ARGV[4]  extras to set, such as s1700000000, or ''
-- ARGV[5]  longest life of a session in ms, 0 for none
-- ARGV[6]  prefix of the processes' channels: shop_Wake_
-- ARGV[7]  how many of the following are field-value pairs, times two
-- ARGV[8…] field, value, … without META, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this commit token
--          3, 4, 5  the session has expired, was ended, or is not readable
--          6        somebody else holds the lease, or nobody: nothing written
local data, lock, waiters, alive = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lease, token, timeout, changes = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lifetime, channel, pairs = ARGV[5], ARGV[6], tonumber(ARGV[7])
local call = redis.call

local held = call('MGET', lock, waiters)
local meta = call('HGET', data, '_berth')
if meta and held[1] == lease and not held[2] and changes == '' and lifetime == '0' and 7 + pairs == #ARGV and pairs < 1000 then
  -- Most requests end here. To make the functions below costs more than all this.
  local own_timeout, created, extras, principal = string.match(meta, '^1 (%d+) (%d+) ([^r ]+) %S+ (.*)$')
  if created then
    if timeout == '' then timeout = own_timeout end
    call('PEXPIRE', data, timeout)
    call('HSET', data, '_berth', '1 ' .. timeout .. ' ' .. created .. ' ' .. extras .. ' ' .. token .. ' ' .. principal, unpack(ARGV, 8))
    call('DEL', lock)
    return 1
  end
end

-- include lib.lua

local code = classify(meta)
if held[1] ~= lease then
  if code ~= DONE then return code end
  if commit_token(meta) == token then return DONE end
  return LOST
end

if code == DONE then
  local created, extras
  meta, timeout, created, extras = rewrite(meta, timeout, changes, token)
  if touch(data, alive, timeout, extras, deadline(created, tonumber(lifetime))) then
    redis.call('HSET', data, META, meta)
    write(data, 8, 7 + pairs)
  else
    code = UNKNOWN
  end
end
hand_over(lock, waiters, held[2], channel, lease)
return code
