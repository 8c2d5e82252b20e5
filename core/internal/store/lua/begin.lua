-- begin.lua takes the lease of a session and loads the session, if its proof is shown.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the lease; each try of a begin has another, later one
-- ARGV[2]  TTL of the lease in ms
-- ARGV[3]  proof
-- This is the short form, since every argument more costs time. Where a session has
-- something special, it answers 0, and the script is to be called again with these too:
-- KEYS[4]  {shop_S}_Timeout
-- KEYS[5]  {shop_S}_Rotated
-- ARGV[4]  what to do if the lease is taken: "queue", as in the short form, wait in the
--          queue; "again" the same for a token that may be in the queue already; "once"
--          nothing
-- ARGV[5]  prefix of the processes' channels: shop_Wake_
-- ARGV[6]  longest life of a session in ms, 0 for none
-- ARGV[7]  "fields" to have them returned; '' if a HGETALL of Data follows in the same
--          round trip, which costs less than passing them through here
--
-- A process asks for one lease of a session after the other, so an older token of its own in
-- the lock or in the queue is a leftover of a call, or of replication, that was lost: the
-- newer one takes its place. A call that comes late has an older token than that, and does nothing.
--
-- Returns  {1, fields}  the session is loaded and held by the token
--          1            the same, without the fields
--          2            the lease is taken
--          3, 4, 7      unknown, retired, or the proof was rotated away: no lock is left behind;
--                       fields come with 4 as with 1
--          5            META has a format that this version does not know
--          0            the short form does not do: all is as it was
local data, lock, waiters, alive, rotated = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, lease, proof, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4] or 'queue'
local call = redis.call

if not alive then
  -- Most requests end here. To make the functions of lib.lua costs more than all this.
  local own = call('HMGET', data, '_berth', '_berth_secret')
  if not own[1] then return call('EXISTS', data) == 0 and 3 or 0 end
  if proof ~= own[2] and proof ~= '' then return 0 end
  local timeout = string.match(own[1], '^2 (%d+) %d+ [^r ]+ ')
  if not timeout then return string.sub(own[1], 1, 10) == '2 retired ' and 4 or 0 end
  if call('SET', lock, token, 'NX', 'PX', lease) then
    -- No session expires while it is held.
    if #timeout <= #lease and tonumber(timeout) < tonumber(lease) then timeout = lease end
    call('PEXPIRE', data, timeout)
    return 1
  end
end

-- include lib.lua

local process = string.sub(token, 1, PROCESS_LENGTH)
local code = alive and find(data, rotated, proof) or DONE
local holder = redis.call('GET', lock)
if code ~= DONE then
  -- The lock may have been handed to who waited when the session ended or was rotated.
  if holder == token then
    hand_over(lock, waiters, redis.call('GET', waiters), ARGV[5], token)
  elseif mode == 'again' then
    leave_queue(waiters, token)
  end
  if code == RETIRED and ARGV[7] == 'fields' then return {code, redis.call('HGETALL', data)} end
  return code
end

local own = holder and string.sub(holder, 1, PROCESS_LENGTH) == process
if own and holder > token then return BUSY end
if not alive and own then return 0 end
if holder == token then
  redis.call('PEXPIRE', lock, lease)
elseif own or not holder then
  redis.call('SET', lock, token, 'PX', lease)
  if mode == 'again' then leave_queue(waiters, token) end
else
  if mode ~= 'once' then
    local queue = redis.call('GET', waiters) or ''
    local at = string.find(queue, process, 1, true)
    if not at then
      queue = queue .. token
    elseif string.sub(queue, at, at + TOKEN_LENGTH - 1) < token then
      queue = string.sub(queue, 1, at - 1) .. token .. string.sub(queue, at + TOKEN_LENGTH)
    end
    redis.call('SET', waiters, queue, 'PX', QUEUE_TTL)
  end
  return BUSY
end

-- No session expires while it is held.
local fields
code, fields = load(data, alive, rotated, '', tonumber(ARGV[6]), tonumber(lease), ARGV[7] == 'fields')
if code == DONE then return fields and {DONE, fields} or DONE end
hand_over(lock, waiters, redis.call('GET', waiters), ARGV[5], token)
return code
