-- commit.lua writes the changes of a session that is held by a lease, starts its
-- idle time anew, and gives the lease up.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the lease, and of the commit
-- ARGV[2]  prefix of the processes' channels: shop_Wake_
-- ARGV[3…] field, value, … without META
-- This is the short form, since every argument more costs time. Where a session has
-- something special, it answers 0, and the script is to be called again with one more
-- key, and two more arguments in between:
-- KEYS[4]  {shop_S}_Timeout
-- ARGV[3]  token of the commit
-- ARGV[4]  four things, parted by a space each: how many of the following are fields to
--          delete; longest life of a session in ms, 0 for none; idle timeout in ms, or
--          nothing to keep the session's own; extras to set, such as s1700000000, or
--          nothing
-- ARGV[5…] field, value, … without META, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this commit token
--          3, 4, 5  the session has expired, was ended, or is not readable
--          6        somebody else holds the lease, or nobody: nothing written
--          0        the short form does not do: nothing was done
local data, lock, waiters, alive = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lease, channel, token = ARGV[1], ARGV[2], ARGV[3]
local call = redis.call

local held = call('MGET', lock, waiters)
local meta = call('HGET', data, '_berth')
if not alive then
  if not meta or held[1] ~= lease then return 0 end
  -- Most requests end here. To make the functions of lib.lua costs more than all this.
  local before, timeout, after = string.match(meta, '^(1 (%d+) %d+ [^r ]+ )%S+( .*)$')
  if not timeout then return 0 end
  call('PEXPIRE', data, timeout)
  call('HSET', data, '_berth', before .. lease .. after, unpack(ARGV, 3))
  if not held[2] then
    call('DEL', lock)
    return 1
  end
end

-- include lib.lua

if not alive then
  hand_over(lock, waiters, held[2], channel, lease)
  return DONE
end
local code = classify(meta)
if held[1] ~= lease then
  if code ~= DONE then return code end
  if commit_token(meta) == token then return DONE end
  return LOST
end

if code == DONE then
  local deleted, lifetime, timeout, changes = particulars(ARGV[4])
  local created, extras
  meta, timeout, created, extras = rewrite(meta, timeout, changes, token)
  if touch(data, alive, timeout, extras, deadline(created, tonumber(lifetime))) then
    redis.call('HSET', data, META, meta)
    write(data, 5, #ARGV - deleted)
  else
    code = UNKNOWN
  end
end
hand_over(lock, waiters, held[2], channel, lease)
return code
