-- companion.lua writes the companion of a session, prolongs it, hides it, or deletes it.
--
-- KEYS[1]  S, the companion
-- KEYS[2]  {S}_Proof
-- ARGV[1]  how long both live, in ms
-- ARGV[2]  the session's proof, '' to keep the proof that is there
-- ARGV[3]  what to do with the companion:
--          "=" and a value   write it
--          ''                keep it
--          "hold"            keep it, and write no proof where there is none
--          "-"               delete it
--          "hide"            delete the proof alone, so that nobody is signed in
-- ARGV[4]  the proof with which the caller found the session, '' to not compare
--
-- A caller that writes must know the proof that is there, unless there is none. So a call that
-- arrives late does not bring an old proof back. For the same reason a proof stays for a while after
-- a companion was deleted. Nobody is signed in with it, because there is no companion.
--
-- Returns  1  done
--          2  there is a companion, and no proof, and none was written
--          3  there is no companion to keep
--          7  another proof is there, or the session has ended: nothing was done
local companion, proof = KEYS[1], KEYS[2]
local ttl, own, value, found = ARGV[1], ARGV[2], string.match(ARGV[3], '^=(.*)$'), ARGV[4]

-- include lib.lua

local there = redis.call('GET', proof)
if found ~= '' and there and there ~= found and there ~= own or there == '-' and own ~= there then -- '-' is NoProof
  -- As on_master, for a string: a replica must not say that nothing is left to do.
  local left = redis.call('PTTL', proof)
  if left > 0 then redis.call('PEXPIRE', proof, left) end
  return ROTATED
end
if ARGV[3] == 'hide' then
  redis.call('DEL', proof)
  return DONE
end
if ARGV[3] == '-' then
  redis.call('DEL', companion)
  redis.call('SET', proof, own, 'PX', MEMORY)
  return DONE
end
if value then
  redis.call('SET', companion, value, 'PX', ttl)
elseif redis.call('PEXPIRE', companion, ttl) == 0 then
  return UNKNOWN
end
if ARGV[3] == 'hold' and not there then return BUSY end
if own ~= '' then
  redis.call('SET', proof, own, 'PX', ttl)
else
  redis.call('PEXPIRE', proof, ttl)
end
return DONE
