-- load.lua loads a session without a lease, if its proof is shown, and starts its idle time
-- anew.
--
-- KEYS[1]  {shop_S}_Data
-- ARGV[1]  proof
-- This is the short form, since every argument more costs time. Where a session has
-- something special, it answers 0, and the script is to be called again with these too:
-- KEYS[2]  {shop_S}_Timeout
-- KEYS[3]  {shop_S}_Rotated
-- KEYS[4]  {shop_S}_Lock
-- ARGV[2]  longest life of a session in ms, 0 for none
-- ARGV[3]  "fields" to have them returned; '' if a HGETALL of Data follows in the same
--          round trip, which costs less than passing them through here
--
-- Returns  {1, fields}  loaded
--          1            the same, without the fields
--          3, 4, 5, 7   unknown, retired, unsupported format, or the proof was rotated away;
--                       fields come with 4 as with 1
--          0            the short form does not do: nothing was done
local data, alive, rotated, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local proof = ARGV[1]

if not alive then
  -- Most requests end here. To make the functions of lib.lua costs more than all this.
  local own = redis.call('HMGET', data, '_berth', '_berth_secret')
  if not own[1] then return redis.call('EXISTS', data) == 0 and 3 or 0 end
  if proof ~= own[2] and proof ~= '' then return 0 end
  local timeout = string.match(own[1], '^2 (%d+) %d+ [^r ]+ ')
  if not timeout then return string.sub(own[1], 1, 10) == '2 retired ' and 4 or 0 end
  if #timeout < 5 then return 0 end -- it may be held for longer than these ten seconds
  redis.call('PEXPIRE', data, timeout)
  return 1
end

-- include lib.lua

local code, fields = load(data, alive, rotated, proof, tonumber(ARGV[2]), redis.call('PTTL', lock), ARGV[3] == 'fields')
return fields and {code, fields} or code
