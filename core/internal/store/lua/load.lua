-- load.lua loads a session without a lease, and starts its idle time anew.
--
-- KEYS[1]  {shop_S}_Data
-- This is the short form, since every argument more costs time. Where a session has
-- something special, it answers 0, and the script is to be called again with these too:
-- KEYS[2]  {shop_S}_Timeout
-- ARGV[1]  longest life of a session in ms, 0 for none
-- ARGV[2]  "fields" to have them returned; '' if a HGETALL of Data follows in the same
--          round trip, which costs less than passing them through here
--
-- Returns  {1, fields}  loaded
--          1            the same, without the fields
--          3, 4, 5      unknown, retired, unsupported format
--          0            the short form does not do: nothing was done
local data, alive = KEYS[1], KEYS[2]

if not alive then
  -- Most requests end here. To make the functions of lib.lua costs more than all this.
  local meta = redis.call('HGET', data, '_berth')
  local timeout = meta and string.match(meta, '^1 (%d+) %d+ [^r ]+ ')
  if timeout then
    redis.call('PEXPIRE', data, timeout)
    return 1
  end
  if meta then return string.sub(meta, 1, 10) == '1 retired ' and 4 or 0 end
  return redis.call('EXISTS', data) == 0 and 3 or 0
end

-- include lib.lua

local code, fields = load(data, alive, tonumber(ARGV[1]), 0, ARGV[2] == 'fields')
return fields and {code, fields} or code
