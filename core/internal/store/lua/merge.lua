-- merge.lua writes the changes of a session that is shared: no lease is asked
-- for, fields that this commit did not change stay as others left them.
--
-- KEYS[1]  {shop_S}_Data
-- ARGV[1]  commit token
-- ARGV[2]  idle timeout in ms, or '' to keep the session's own
-- ARGV[3]  when the cookie was sent, unix s, or '' to keep it
-- ARGV[4]  longest life of a session in ms, 0 for none
-- ARGV[5]  how many of the following are field-value pairs, times two
-- ARGV[6…] field, value, … without META, and then the fields to delete
--
-- Returns  1        written, now or by an earlier try with this token
--          3, 4, 5  the session has expired, was ended, or is not readable
local data = KEYS[1]
local token, timeout, sent, lifetime, pairs = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local meta = redis.call('HGET', data, META)
local code = classify(meta)
if code ~= DONE then return code end
local own_timeout, created, own_sent, last, principal = string.match(meta, '^1 (%d+) (%d+) (%d+) (%S+) (.*)$')
if last == token then return DONE end
if timeout == '' then timeout = own_timeout end
if sent == '' then sent = own_sent end

local deadline = 0
if lifetime > 0 then deadline = tonumber(created) + lifetime end
if not touch(data, timeout, deadline) then return UNKNOWN end
redis.call('HSET', data, META, table.concat({'1', timeout, created, sent, token, principal}, ' '))
write(data, 6, 5 + pairs)
return DONE
