-- inspect.lua describes a session. It does not start the idle time anew.
--
-- KEYS[1]  {shop_S}_Data
-- Without these, the script touches Data alone, as in a slot that moves, and knows of no lease.
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Timeout
-- ARGV     fields to return
--
-- Returns  {1, META, time left in ms, bytes in fields and values, time left of Data in ms,
--           token of the lease or '', proof, MAC or '', the fields of ARGV or nil each,
--           ms since USED or -1}
--          {3}, {4}, {5}  unknown, retired, unsupported format
--          {0}            Data alone is not enough, because the session is tracked
local data, lock, alive = KEYS[1], KEYS[2], KEYS[3]

-- include lib.lua

on_master(data)
local own = redis.call('HMGET', data, META, SECRET, MAC, USED)
local meta, proof, mac = own[1], own[2] or '', own[3] or ''
local code, _, _, extras = classify(meta)
if code ~= DONE then return {code} end
if retention(extras) and not alive then return {0} end
local rest = redis.call('PTTL', data)
local left = rest
if retention(extras) then left = redis.call('PTTL', alive) end
if left < 0 then return {UNKNOWN} end
local used = -1
if own[4] then
  local now = redis.call('TIME')
  used = now[1] * 1000 + math.floor(now[2] / 1000) - own[4] * 1000
end
local size, fields = 0, redis.call('HGETALL', data)
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, #META) ~= META then size = size + #fields[i] + #fields[i + 1] end
end
return {DONE, meta, left, size, rest, lock and redis.call('GET', lock) or '', proof, mac,
  #ARGV > 0 and redis.call('HMGET', data, unpack(ARGV)) or {}, used}
