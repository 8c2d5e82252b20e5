-- load.lua loads a session without a lease, and starts its idle time anew.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- and, if either of them is not what most requests have:
-- ARGV[1]  longest life of a session in ms, 0 for none
-- ARGV[2]  "fields" to have them returned; '' if a HGETALL of Data follows in the same
--          round trip, which costs less than passing them through here
--
-- Returns  {1, fields}  loaded
--          1            the same, without the fields
--          3, 4, 5      unknown, retired, unsupported format
local data, alive = KEYS[1], KEYS[2]

if not ARGV[1] then
  -- Most requests end here. To make the functions below costs more than all this.
  local meta = redis.call('HGET', data, '_berth')
  local timeout = meta and string.match(meta, '^1 (%d+) %d+ [^r ]+ ')
  if timeout then
    redis.call('PEXPIRE', data, timeout)
    return 1
  end
end

local lifetime, full = ARGV[1] or 0, ARGV[2] == 'fields'

-- include lib.lua

local code, fields = load(data, alive, tonumber(lifetime), 0, full)
return fields and {code, fields} or code
