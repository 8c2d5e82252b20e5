-- merge.lua writes the changes of a session that is shared: no lease is asked
-- for, fields that this commit did not change stay as others left them.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- ARGV[1]  commit token
-- ARGV[2]  four things, as in commit.lua; and perhaps the token of the commit that must
--          have been the last
-- ARGV[3…] field, value, … without META, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was ended, or is not readable
--          7        there was another commit since: nothing written
local data, alive = KEYS[1], KEYS[2]
local token = ARGV[1]

-- include lib.lua

local meta = redis.call('HGET', data, META)
local code = classify(meta)
if code ~= DONE then return code end
if commit_token(meta) == token then return DONE end

local deleted, lifetime, timeout, changes, last = particulars(ARGV[2])
if last ~= '' and commit_token(meta) ~= last then return CHANGED end
local created, extras
meta, timeout, created, extras = rewrite(meta, timeout, changes, token)
if not touch(data, alive, timeout, extras, deadline(created, tonumber(lifetime))) then return UNKNOWN end
redis.call('HSET', data, META, meta)
write(data, 3, #ARGV - deleted)
return DONE
