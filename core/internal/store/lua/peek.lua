-- peek.lua loads a session, if the caller shows its proof, and leaves its idle time alone.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- KEYS[3]  {shop_S}_Rotated
-- ARGV[1]  proof
--
-- Returns  {1, fields, time left in ms}  loaded
--          {4, fields}                   retired
--          3, 5, 7                       unknown, unsupported format, or the proof was rotated away
local data, alive, rotated = KEYS[1], KEYS[2], KEYS[3]
local proof = ARGV[1]

-- include lib.lua

local code, _, _, extras = find(data, rotated, proof)
if code == RETIRED then return {code, redis.call('HGETALL', data)} end
if code ~= DONE then return code end
local left = redis.call('PTTL', retention(extras) and alive or data)
if left < 0 then return UNKNOWN end
return {DONE, redis.call('HGETALL', data), left}
