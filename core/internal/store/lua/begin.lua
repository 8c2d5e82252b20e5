-- begin.lua takes the lease of a session and loads the session.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- KEYS[4]  {shop_S}_Timeout
-- ARGV[1]  token of the lease
-- ARGV[2]  TTL of the lease in ms
-- ARGV[3]  longest life of a session in ms, 0 for none
-- ARGV[4]  prefix of the processes' channels: shop_Wake_
-- ARGV[5]  what to do if the lease is taken: "once" nothing, "queue" wait in the
--          queue, "again" the same for a token that may be in the queue already
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
local data, lock, waiters, alive = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, lease, lifetime, channel, mode, full = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6] ~= ''
local call = redis.call

local locked = call('SET', lock, token, 'NX', 'PX', lease)
if locked and mode ~= 'again' and lifetime == '0' and not full then
  -- Most requests end here. To make the functions below costs more than all this.
  local meta = call('HGET', data, '_berth')
  local timeout = meta and string.match(meta, '^1 (%d+) %d+ [^r ]+ ')
  if timeout and (#timeout > #lease or tonumber(timeout) >= tonumber(lease)) then
    call('PEXPIRE', data, timeout)
    return 1
  end
end

-- include lib.lua

local holder = not locked and redis.call('GET', lock)
local leftover = holder and string.sub(holder, 1, PROCESS_LENGTH) == string.sub(token, 1, PROCESS_LENGTH) and holder < token
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
local code, fields = load(data, alive, tonumber(lifetime), tonumber(lease), full)
if code == DONE then return fields and {DONE, fields} or DONE end
hand_over(lock, waiters, redis.call('GET', waiters), channel, token)
return code
