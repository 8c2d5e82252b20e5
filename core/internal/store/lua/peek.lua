-- peek.lua loads a session, if the caller shows its proof, and leaves its idle time alone.
--
-- KEYS[1]  {shop_S}_Data
-- Without these, the script touches Data alone, as in a slot that moves.
-- KEYS[2]  {shop_S}_Timeout
-- KEYS[3]  {shop_S}_Rotated
-- ARGV[1]  proof
--
-- Returns  {1, fields, time left in ms}  loaded
--          {4, fields}                   retired
--          3, 5, 7                       unknown, unsupported format, or the proof was rotated away
--          {0}                           Data alone is not enough, because the session is tracked or the
--                                        proof is not the last one
local data, alive, rotated = KEYS[1], KEYS[2], KEYS[3]
local proof = ARGV[1]

-- include lib.lua

on_master(data)
local own = redis.call('HGET', data, SECRET)
if not rotated and own and proof ~= '' and proof ~= own then return {0} end
local code, _, _, extras = find(data, rotated, proof)
if code == RETIRED then return {code, redis.call('HGETALL', data)} end
if code ~= DONE then return code end
if retention(extras) and not alive then return {0} end
local left = redis.call('PTTL', retention(extras) and alive or data)
if left < 0 then return UNKNOWN end
return {DONE, redis.call('HGETALL', data), left}
