-- unlist.lua takes sessions out of the index of a principal. A session that has signed in again since
-- stays.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1…] session, the highest score with which it goes, session, score, …
--
-- Returns  1
local index = KEYS[1]

-- include lib.lua

for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', index, ARGV[i])
  if score and tonumber(score) <= tonumber(ARGV[i + 1]) then redis.call('ZREM', index, ARGV[i]) end
end
return DONE
