-- unclaim.lua changes a claim, or the data of a session that has ended.
--
-- KEYS[1]  {shop_S}_Ended
-- KEYS[2]  {shop_S}_Claim
-- ARGV[1]  token of the claim
-- ARGV[2]  what to do:
--          "renew"   prolong the claim and keep the data
--          "done"    delete both: the end was handled
--          "back"    end the claim, so that another handler may claim
--          "aside"   keep the data until an operator decides. The claim stays until it runs
--                    out, so that nobody claims before the session has left the index
--          "replay"  count attempts from the start; needs no claim
-- ARGV[3]  TTL of the claim in ms
-- ARGV[4]  how long to keep the data from now on, in ms
--
-- Returns  1  done
--          6  the token has no claim any more. "done", "aside" and "replay" change the data
--             all the same; the claim of another token stays
local ended, claim = KEYS[1], KEYS[2]
local token, what, ttl, stay = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

-- include lib.lua

local own = redis.call('GET', claim) == token
if what == 'renew' then
  if not own then
    on_master(ended)
    return LOST
  end
  redis.call('PEXPIRE', claim, ttl)
  redis.call('PEXPIRE', ended, stay)
  return DONE
end
if own and what ~= 'aside' then redis.call('DEL', claim) end
if what == 'done' then
  redis.call('DEL', ended)
elseif what == 'aside' then
  redis.call('PERSIST', ended)
elseif what == 'replay' then
  local before, after = string.match(redis.call('HGET', ended, META) or '', '^(2 ended %l+ %d+ %d+ )%d+( .*)$')
  if before then
    redis.call('HSET', ended, META, before .. '0' .. after)
  end
end
return own and DONE or LOST
