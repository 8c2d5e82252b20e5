-- load.lua loads a session without a lease, and starts its idle time anew.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- ARGV[1]  longest life of a session in ms, 0 for none
--
-- Returns  {1, fields}    loaded
--          {3}, {4}, {5}  unknown, retired, unsupported format
local data, alive, lifetime = KEYS[1], KEYS[2], tonumber(ARGV[1])

-- include lib.lua

local code, fields = load(data, alive, lifetime, 0)
return {code, fields}
