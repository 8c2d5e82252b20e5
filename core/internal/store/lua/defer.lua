-- defer.lua moves sessions in a bucket of the index of ends to their deadlines. A session that
-- somebody else has moved meanwhile stays.
--
-- KEYS[1]  {shop_Ends_07}
-- ARGV[1]  until when due.lua has taken them, unix ms
-- ARGV[2…] deadline in unix ms, session, deadline, session, …
--
-- Returns  1
local index, til = KEYS[1], tonumber(ARGV[1])

-- include lib.lua

for i = 2, #ARGV, 2 do
  local score = redis.call('ZSCORE', index, ARGV[i + 1])
  if score and tonumber(score) == til then redis.call('ZADD', index, ARGV[i], ARGV[i + 1]) end
end
return DONE
