-- create.lua saves a new session.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- ARGV[1]  commit token
-- ARGV[2]  idle timeout in ms
-- ARGV[3]  deadline in unix ms, 0 for none
-- ARGV[4…] field, value, … with META first
--
-- Returns  1        saved, now or by an earlier try with this token
--          3, 4, 5  there is such a session and another commit was its last: it was used or
--                   retired since. The script leaves it as it is. Also 3 if the deadline has passed
local data, alive = KEYS[1], KEYS[2]
local token, timeout, latest = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- include lib.lua

local meta = redis.call('HGET', data, META)
if meta then
  on_master(data)
  local code = classify(meta)
  if code ~= DONE then return code end
  if commit_token(meta) == token then return DONE end
  return UNKNOWN
end
local _, _, _, extras = classify(ARGV[5])
write(data, 4, #ARGV)
if retention(extras) then redis.call('SET', alive, '', 'PX', timeout) end
if not touch(data, alive, timeout, extras, latest) then return UNKNOWN end
return DONE
