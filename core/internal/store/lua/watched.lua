-- watched.lua looks at a session for somebody who watches it. It does not start the idle time anew, and
-- reads no values.
--
-- KEYS[1]  {shop_S}_Data
-- Without this, the script touches Data alone, as in a slot that moves.
-- KEYS[2]  {shop_S}_Timeout
--
-- Returns  {1, META, proof or '', MAC or '', time left in ms}
--          {4, META}  retired
--          {3}, {5}   unknown, unsupported format
--          {0}        Data alone is not enough, because the session is tracked
local data, alive = KEYS[1], KEYS[2]

-- include lib.lua

on_master(data)
local own = redis.call('HMGET', data, META, SECRET, MAC)
local meta = own[1]
local code, _, _, extras = classify(meta)
if code == RETIRED then return {code, meta} end
if code ~= DONE then return {meta and code or redis.call('EXISTS', data) == 1 and UNSUPPORTED or UNKNOWN} end
if retention(extras) and not alive then return {0} end
local left = redis.call('PTTL', retention(extras) and alive or data)
if left < 0 then return {UNKNOWN} end
return {DONE, meta, own[2] or '', own[3] or '', left}
