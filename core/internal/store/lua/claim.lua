-- claim.lua claims the end of a session for one handler, if the session has ended.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- KEYS[3]  {shop_S}_Ended
-- KEYS[4]  {shop_S}_Claim
-- ARGV[1]  token of the claim
-- ARGV[2]  TTL of the claim in ms
-- ARGV[3]  now, unix ms
-- ARGV[4]  longest life of a session in ms, 0 for none
-- ARGV[5]  how long to keep the data from now on, in ms
--
-- Returns  {1, fields}  claimed; META is among the fields, with the number of this attempt
--          {2}          another token has the claim
--          {5}          META has a format that this version does not know
--          {8, ms}      the session is alive: look again in so many ms
--
-- The script also returns ALIVE when it finds nothing of a session, until PATIENCE has passed since it first
-- did, by the clock of the server. The session may be about to be saved: its place in the index comes
-- first. Or its end was handled since it was due. If there is still nothing then, it has ended. Each time, it
-- is due again after as long as it has been missing, at least SOON: so an end that was looked for too early is
-- due no later than its save was late.
local data, alive, ended, claim = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, ttl, now, lifetime, stay = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

-- include lib.lua

local left = redis.call('PTTL', alive)
if left ~= -2 then
  -- A session that is held may have more time left than its timeout. The commit sets it back.
  local code, timeout = classify(redis.call('HGET', data, META))
  if code == DONE then left = math.min(left, timeout) end
  on_master(data)
  return {ALIVE, math.max(left, 1)}
end

local again = false
if not redis.call('SET', claim, token, 'NX', 'PX', ttl) then
  again = redis.call('GET', claim) == token
  if not again then return {BUSY} end
  redis.call('PEXPIRE', claim, ttl)
end

local ABSENT, SOON, PATIENCE = '2 ended unknown ', 1000, 60000
local meta = redis.call('HGET', ended, META)
local absent = meta and string.sub(meta, 1, #ABSENT) == ABSENT
if not meta or absent then
  local live = redis.call('HGET', data, META)
  local code, timeout, created, extras = classify(live)
  local kept = code == DONE and retention(extras)
  if code == UNSUPPORTED then
    redis.call('DEL', claim)
    return {code}
  elseif code == DONE and not kept then
    redis.call('DEL', claim)
    return {ALIVE, math.max(redis.call('PTTL', data), 1)}
  elseif code == DONE then
    local idle = timeout + kept - redis.call('PTTL', data)
    local used = now - math.max(idle, 0)
    local reason, at, latest = 'expired', used + timeout, deadline(created, extras, lifetime)
    if latest ~= 0 and latest < at then reason, at = 'lifetime', latest end
    at = math.min(at, now)
    meta = string.format('2 ended %s %.0f %.0f 0 ', reason, used, at) ..
      table.concat({created, authenticated(extras), principal_of(live)}, ' ')
    redis.call('RENAME', data, ended)
  else
    -- Processes whose clocks are ahead come too early.
    local time = redis.call('TIME')
    local clock = time[1] * 1000 + math.floor(time[2] / 1000)
    local since = clock
    if absent then
      since = tonumber(string.match(meta, '^2 ended unknown %d+ (%d+) '))
    else
      redis.call('HSET', ended, META, ABSENT .. string.format('0 %.0f 0 0 0 ', clock))
      redis.call('PEXPIRE', ended, math.max(stay, 2 * PATIENCE))
    end
    if clock < since + PATIENCE then
      redis.call('DEL', claim)
      return {ALIVE, math.min(since + PATIENCE - clock, math.max(clock - since, SOON))}
    end
  end
end

local before, attempts, after = string.match(meta, '^(2 ended %l+ %d+ %d+ )(%d+)( .*)$')
if not before then
  redis.call('DEL', claim)
  return {UNSUPPORTED}
end
if not again then attempts = attempts + 1 end
redis.call('HSET', ended, META, before .. attempts .. after)
redis.call('PEXPIRE', ended, stay)
return {DONE, redis.call('HGETALL', ended)}
