-- begin.lua takes the lease of a session and loads the session, if the caller shows its proof.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the lease; each try of a begin has another, later one
-- ARGV[2]  TTL of the lease in ms
-- ARGV[3]  proof
-- These are for the short form: every further argument costs time. If a session has something
-- special, the script answers 0. Then call it again with these too, for the whole form:
-- KEYS[4]  {shop_S}_Timeout
-- KEYS[5]  {shop_S}_Rotated
-- ARGV[4]  what to do if the lease is taken:
--          "queue"   wait in the queue, as in the short form
--          "again"   the same, for a token that may be in the queue already
--          "once"    nothing
-- ARGV[5]  prefix of the processes' channels: shop_Wake_
-- ARGV[6]  longest life of a session in ms, 0 for none
-- ARGV[7]  "fields" to return the fields; '' if a HGETALL of Data follows in the same round
--          trip, which costs less than to pass them through here
--
-- A process asks for one lease of a session after the other. So if the lock or the queue has an
-- older token of the same process, a call or a replication was lost. The newer token takes the
-- place of that leftover. A call that arrives late has the older token, and does nothing.
--
-- Returns  {1, fields}  the session is loaded and held by the token
--          1            the same, without the fields
--          2            the lease is taken
--          3, 4, 7      unknown, retired, or the proof was rotated away. The script leaves no
--                       lock behind. Fields come with 4 as with 1
--          5            META has a format that this version does not know
--          0            the short form is not enough, and nothing was changed
local data, lock, waiters, alive, rotated = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, lease, proof, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4] or 'queue'
local call = redis.call

if not alive then
  -- Most requests end here. To define the functions of lib.lua costs more than all of this.
  local own = call('HMGET', data, '_berth', '_berth_secret')
  if not own[1] then
    call('HDEL', data, '') -- see on_master
    return call('EXISTS', data) == 0 and 3 or 0
  end
  if proof ~= own[2] and proof ~= '' then return 0 end
  local timeout = string.match(own[1], '^2 (%d+) %d+ [^r ]+ ')
  if not timeout then
    call('HDEL', data, '') -- see on_master
    return string.sub(own[1], 1, 10) == '2 retired ' and 4 or 0
  end
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
  on_master(data)
  -- This token may have waited while the session ended or was rotated, and got the lock then.
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
  if mode == 'once' then
    on_master(data)
  else
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
