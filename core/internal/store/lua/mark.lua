-- mark.lua notes extras of a session. It is no commit, and does not start the idle time anew.
--
-- KEYS[1]  {shop_S}_Data
-- KEYS[2]  {shop_S}_Timeout
-- ARGV[1]  extras to set, such as l1700000000. With an r, a session that was not tracked is
--          tracked from now on.
--
-- Returns  1        noted
--          3, 4, 5  the session has expired, was ended, or is not readable
local data, alive = KEYS[1], KEYS[2]
local changes = ARGV[1]

-- include lib.lua

local meta = redis.call('HGET', data, META)
local code, _, _, extras = classify(meta)
if code ~= DONE then
  on_master(data)
  return code
end
if retention(extras) then
  if redis.call('EXISTS', alive) == 0 then
    on_master(data)
    return UNKNOWN
  end
  changes = string.gsub(changes, 'r%d+', '')
elseif retention(changes) then
  local left = redis.call('PTTL', data)
  if left < 1 then
    on_master(data)
    return UNKNOWN
  end
  redis.call('SET', alive, '', 'PX', left)
  redis.call('PEXPIRE', data, left + retention(changes))
end
redis.call('HSET', data, META, (rewrite(meta, '', changes)))
return DONE
