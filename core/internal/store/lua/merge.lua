-- merge.lua writes the changes of a session that is shared: no lease is asked
-- for, fields that this commit did not change stay as others left them.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- ARGV[1]  commit token
-- ARGV[2]  idle timeout in ms, or '' to keep the session's own
-- ARGV[3]  extras to set, such as s1700000000, or ''
-- ARGV[4]  longest life of a session in ms, 0 for none
-- ARGV[5]  how many of the following are field-value pairs, times two
-- ARGV[6…] field, value, … without META, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was ended, or is not readable
local data, alive = KEYS[1], KEYS[2]
local token, timeout, changes, lifetime, pairs = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

-- include lib.lua

local meta = redis.call('HGET', data, META)
local code = classify(meta)
if code ~= DONE then return code end
if commit_token(meta) == token then return DONE end

local created, extras
meta, timeout, created, extras = rewrite(meta, timeout, changes, token)
if not touch(data, alive, timeout, extras, deadline(created, lifetime)) then return UNKNOWN end
redis.call('HSET', data, META, meta)
write(data, 6, 5 + pairs)
return DONE
