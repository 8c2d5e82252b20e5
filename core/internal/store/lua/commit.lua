-- commit.lua writes the changes of a session whose lease the caller holds. It starts the idle time
-- anew, and gives up the lease. If the proof or the principal changes, it tells those who watch the
-- session, on the channel shop_Watch.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Lock
-- KEYS[3]  {shop_S}_Waiters
-- ARGV[1]  token of the lease. It is the commit's token too: a lease is for one commit
-- ARGV[2]  prefix of the processes' channels: shop_Wake_
-- ARGV[3…] field, value, … without META
-- These are for the short form: every further argument costs time. If a session has something
-- special, the script answers 0. Then call it again for the whole form, with two more keys, and with
-- three more arguments in between:
-- KEYS[4]  {shop_S}_Timeout
-- KEYS[5]  {shop_S}_Rotated
-- ARGV[3]  four things, with a space between them:
--          how many of the last arguments are fields to delete;
--          longest life of a session in ms, 0 for none;
--          idle timeout in ms, or nothing to keep the session's own;
--          extras to set, such as s1700000000, or nothing
-- ARGV[4]  the new proof, '' to keep the session's own
-- ARGV[5]  "=" and the new principal, '' to keep the session's own. If the session belonged to
--          another user, "!" in place of "=": the script first deletes all values
-- ARGV[6…] field, value, … without META, and then the fields to delete
--
-- Returns  1            written, now or by an earlier try
--          {1, extras}  the same from the whole form, with the extras after the commit
--          3, 4, 5      the session has expired, was ended, or is not readable
--          6            the token does not hold the lease: nothing was written
--          0            the short form is not enough: nothing was done
local data, lock, waiters, alive, rotated = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, channel = ARGV[1], ARGV[2]
local call = redis.call

local held = call('MGET', lock, waiters)
local meta = call('HGET', data, '_berth')
if not alive then
  if not meta or held[1] ~= token then return 0 end
  -- Most requests end here. To define the functions of lib.lua costs more than all of this.
  local before, timeout, after = string.match(meta, '^(2 (%d+) %d+ [^r ]+ )%S+( .*)$')
  if not timeout then return 0 end
  -- HSET comes first: a full server refuses it only as long as the script has written nothing.
  call('HSET', data, '_berth', before .. token .. after, unpack(ARGV, 3))
  call('PEXPIRE', data, timeout)
  if not held[2] then
    call('DEL', lock)
    return 1
  end
end

-- include lib.lua

if not alive then
  hand_over(lock, waiters, held[2], channel, token)
  return DONE
end
local code, _, _, extras = classify(meta)
if held[1] ~= token then
  on_master(data)
  if code ~= DONE then return code end
  if commit_token(meta) == token then return {DONE, extras} end
  return LOST
end

if code == DONE then
  local deleted, lifetime, timeout, changes = particulars(ARGV[3])
  local proof, principal = ARGV[4], string.match(ARGV[5], '^[=!](.*)$')
  local created
  need_memory(data, meta)
  meta, timeout, created, extras = rewrite(meta, timeout, changes, token, principal)
  if touch(data, alive, timeout, extras, deadline(created, extras, tonumber(lifetime))) then
    if proof ~= '' then
      local KEPT = 8 -- proofs
      local before = (redis.call('HGET', data, SECRET) or '') .. (redis.call('GET', rotated) or '')
      redis.call('SET', rotated, string.sub(before, 1, KEPT * PROOF_LENGTH), 'PX', MEMORY)
      redis.call('HSET', data, SECRET, proof)
    end
    if string.sub(ARGV[5], 1, 1) == '!' then wipe(data) end
    redis.call('HSET', data, META, meta)
    write(data, 6, #ARGV - deleted)
  else
    code = UNKNOWN
  end
end
hand_over(lock, waiters, held[2], channel, token)
if code == DONE and (ARGV[4] ~= '' or ARGV[5] ~= '') then tell_watchers(data) end
return code == DONE and {code, extras} or code
