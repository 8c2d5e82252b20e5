-- merge.lua writes the changes of a Shared request. It needs no lease. Fields that this commit does
-- not change stay as other requests left them.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- KEYS[3]  {shop_S}_Merged
-- KEYS[4]  {shop_S}_Lock
-- ARGV[1]  commit token
-- ARGV[2]  four things, as in commit.lua
-- ARGV[3]  proof with which the session was begun
-- ARGV[4…] field, value, … without META, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this token. Redis remembers the
--                   token for a minute and for KEPT commits. So a try that arrives late
--                   undoes nothing
--          3, 4, 5  the session has expired, was ended, or is not readable
--          7        the proof was rotated away meanwhile: nothing was written
local data, alive, merged, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, proof = ARGV[1], ARGV[3]
local KEPT = 32 -- commits

-- include lib.lua

local done = redis.call('GET', merged) or ''
if string.find(done, token, 1, true) then
  on_master(data)
  return DONE
end
local own = redis.call('HMGET', data, META, SECRET)
local meta = own[1]
local code = classify(meta)
if code == DONE and proof ~= '' and proof ~= own[2] then code = ROTATED end
if code ~= DONE then
  on_master(data)
  return code
end

local deleted, lifetime, timeout, changes = particulars(ARGV[2])
local created, extras
need_memory(data, meta)
meta, timeout, created, extras = rewrite(meta, timeout, changes)
-- No session expires while somebody holds it.
timeout = math.max(tonumber(timeout), redis.call('PTTL', lock))
if not touch(data, alive, timeout, extras, deadline(created, extras, tonumber(lifetime))) then return UNKNOWN end
redis.call('SET', merged, string.sub(token .. done, 1, KEPT * TOKEN_LENGTH), 'PX', MEMORY)
redis.call('HSET', data, META, meta)
write(data, 4, #ARGV - deleted)
return DONE
