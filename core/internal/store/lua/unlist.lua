-- unlist.lua takes sessions out of the index of their principal that are gone from it, unless
-- they have signed in again since.
--
-- KEYS[1]  {shop_Principal_P}
-- ARGV[1…] session, the highest score that it may have, session, score, …
--
-- Returns  1
local index = KEYS[1]

-- include lib.lua

for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', index, ARGV[i])
  if score and tonumber(score) <= tonumber(ARGV[i + 1]) then redis.call('ZREM', index, ARGV[i]) end
end
return DONE
