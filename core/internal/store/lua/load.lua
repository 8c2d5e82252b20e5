-- load.lua loads a session without a lease, if the caller shows its proof, and starts its idle time
-- anew.
--
-- KEYS[1]  {shop_S}_Data
-- ARGV[1]  proof
-- These are for the short form: every further argument costs time. If a session has something
-- special, the script answers 0. Then call it again with these too, for the whole form:
-- KEYS[2]  {shop_S}_Timeout
-- KEYS[3]  {shop_S}_Rotated
-- KEYS[4]  {shop_S}_Lock
-- ARGV[2]  longest life of a session in ms, 0 for none
-- ARGV[3]  "fields" to return the fields; '' if a HGETALL of Data follows in the same round
--          trip, which costs less than to pass them through here
--
-- Returns  {1, fields}  loaded
--          1            the same, without the fields
--          3, 4, 5, 7   unknown, retired, unsupported format, or the proof was rotated away.
--                       Fields come with 4 as with 1
--          0            the short form is not enough: nothing was done
local data, alive, rotated, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local proof = ARGV[1]

if not alive then
  -- Most requests end here. To define the functions of lib.lua costs more than all of this.
  local own = redis.call('HMGET', data, '_berth', '_berth_secret')
  if not own[1] then
    redis.call('HDEL', data, '') -- see on_master
    return redis.call('EXISTS', data) == 0 and 3 or 0
  end
  if proof ~= own[2] and proof ~= '' then return 0 end
  local timeout = string.match(own[1], '^2 (%d+) %d+ [^r ]+ ')
  if not timeout then
    redis.call('HDEL', data, '') -- see on_master
    return string.sub(own[1], 1, 10) == '2 retired ' and 4 or 0
  end
  if #timeout < 5 then return 0 end -- less than the 10,000 ms of shortLease in load.go
  redis.call('PEXPIRE', data, timeout)
  return 1
end

-- include lib.lua

local code, fields = load(data, alive, rotated, proof, tonumber(ARGV[2]), redis.call('PTTL', lock), ARGV[3] == 'fields')
return fields and {code, fields} or code
