-- begin.lua takes the lease of a session and loads the session.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the lease
-- ARGV[2]  TTL of the lease in ms
-- This is the short form, since every argument more costs time. Where a session has
-- something special, it answers 0, and the script is to be called again with these too:
-- KEYS[4]  {shop_S}_Timeout
-- ARGV[3]  what to do if the lease is taken: "queue", as in the short form, wait in the
--          queue; "again" the same for a token that may be in the queue already; "once"
--          nothing
-- ARGV[4]  prefix of the processes' channels: shop_Wake_
-- ARGV[5]  longest life of a session in ms, 0 for none
-- ARGV[6]  "fields" to have them returned; '' if a HGETALL of Data follows in the same
--          round trip, which costs less than passing them through here
--
-- Returns  {1, fields}  the session is loaded and held by the token, be it for
--                       the first time, after a lost reply or by a hand-over; or in
--                       the place of an older token of the same process, which asks for
--                       one lease of a session after the other: that one is a leftover,
--                       of a call or of replication that was lost
--          1            the same, without the fields
--          2            the lease is taken
--          3, 4         unknown, retired: no lock is left behind
--          5            META has a format that this version does not know
--          0            the short form does not do: all is as it was
local data, lock, waiters, alive = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, lease, mode = ARGV[1], ARGV[2], ARGV[3] or 'queue'
local call = redis.call

local locked = call('SET', lock, token, 'NX', 'PX', lease)
if locked and not alive then
  -- Most requests end here. To make the functions of lib.lua costs more than all this.
  local meta = call('HGET', data, '_berth')
  local timeout = meta and string.match(meta, '^1 (%d+) %d+ [^r ]+ ')
  if timeout then
    -- No session expires while it is held.
    if #timeout <= #lease and tonumber(timeout) < tonumber(lease) then timeout = lease end
    call('PEXPIRE', data, timeout)
    return 1
  end
  call('DEL', lock)
  if call('EXISTS', waiters) == 1 then return 0 end
  if meta then return string.sub(meta, 1, 10) == '1 retired ' and 4 or 0 end
  return call('EXISTS', data) == 0 and 3 or 0
end

-- include lib.lua

local holder = not locked and redis.call('GET', lock)
local leftover = holder and string.sub(holder, 1, PROCESS_LENGTH) == string.sub(token, 1, PROCESS_LENGTH) and holder < token
if not alive and (leftover or holder == token) then return 0 end
if leftover then redis.call('SET', lock, token, 'PX', lease) end
if locked or leftover then
  if mode == 'again' then leave_queue(waiters, token) end
elseif holder == token then
  redis.call('PEXPIRE', lock, lease)
else
  if mode ~= 'once' then
    local queue = redis.call('GET', waiters) or ''
    if not string.find(queue, token, 1, true) then queue = queue .. token end
    redis.call('SET', waiters, queue, 'PX', QUEUE_TTL)
  end
  return BUSY
end

-- No session expires while it is held.
local code, fields = load(data, alive, tonumber(ARGV[5]), tonumber(lease), ARGV[6] == 'fields')
if code == DONE then return fields and {DONE, fields} or DONE end
hand_over(lock, waiters, redis.call('GET', waiters), ARGV[4], token)
return code
