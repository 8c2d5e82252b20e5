-- lib.lua goes into every other script of this folder, where that includes it.
--
-- A session's keys share one hash tag. For application "shop" and session S:
--   {shop_S}_Data     hash    a field per value, and META with the session's own facts
--   {shop_S}_Lock     string  the token of the lease, with the lease's time left as TTL
--   {shop_S}_Waiters  string  tokens of waiting processes, first come first, without a delimiter
--
-- META of a live session:    1 <timeout ms> <created ms> <cookie sent s> <commit token> <principal>
-- META of a retired session: 1 retired <token of the retiring commit>
--
-- Scripts answer with one of these codes, or with a table that starts with one.
local DONE, BUSY, UNKNOWN, RETIRED, UNSUPPORTED, LOST, CHANGED = 1, 2, 3, 4, 5, 6, 7

local META = '_berth'
local TOKEN_LENGTH, PROCESS_LENGTH = 26, 16
-- How long a lock that was handed over waits for its new owner, in ms, and how
-- long the queue outlives the last waiter's sign of life. A waiter looks again
-- at least twice in either time.
local GRACE, QUEUE_TTL = 500, 2000
-- unpack() fails beyond some thousand values, so long lists go in slices.
local SLICE = 1000

-- classify returns DONE, the timeout and the time of creation of a live
-- session, or the code of what META says instead.
local function classify(meta)
  if not meta then return UNKNOWN end
  local timeout, created = string.match(meta, '^1 (%d+) (%d+) ')
  if timeout then return DONE, timeout, created end
  if string.sub(meta, 1, 10) == '1 retired ' then return RETIRED end
  return UNSUPPORTED
end

-- touch moves the end of a session to timeout from now, but never past the
-- latest (unix ms, 0 for none). It returns whether the session is still there.
local function touch(data, timeout, latest)
  if redis.call('PEXPIRE', data, timeout) == 0 then return false end
  if latest == 0 then return true end
  redis.call('PEXPIREAT', data, string.format('%.0f', latest), 'LT')
  return redis.call('EXISTS', data) == 1
end

-- deadline is when a session must end at the latest, in unix ms, 0 for none.
local function deadline(created, lifetime)
  if lifetime == 0 then return 0 end
  return tonumber(created) + lifetime
end

-- load returns DONE and all fields of a live session, whose idle time starts
-- anew, or the code of what is there instead. Lifetime is in ms, 0 for none.
local function load(data, lifetime)
  local fields = redis.call('HGETALL', data)
  if #fields == 0 then return UNKNOWN end
  local meta = fields[2]
  if fields[1] ~= META then meta = redis.call('HGET', data, META) or '' end
  local code, timeout, created = classify(meta)
  if code ~= DONE then return code end
  if not touch(data, timeout, deadline(created, lifetime)) then return UNKNOWN end
  return DONE, fields
end

-- commit_token returns the token of the last commit that META tells of.
local function commit_token(meta)
  return string.match(meta, '^1 %d+ %d+ %d+ (%S+) ')
end

-- rewrite returns META after a commit by token, which sets the timeout and the
-- time of the cookie unless they are ''; and the timeout and time of creation.
local function rewrite(meta, timeout, sent, token)
  local own_timeout, created, own_sent, principal = string.match(meta, '^1 (%d+) (%d+) (%d+) %S+ (.*)$')
  if timeout == '' then timeout = own_timeout end
  if sent == '' then sent = own_sent end
  return table.concat({'1', timeout, created, sent, token, principal}, ' '), timeout, created
end

-- without returns a queue without a token, nil if nobody is left in it; and
-- whether the token was in it.
local function without(queue, token)
  local from = queue and string.find(queue, token, 1, true)
  if not from then return queue, false end
  queue = string.sub(queue, 1, from - 1) .. string.sub(queue, from + TOKEN_LENGTH)
  if queue == '' then queue = nil end
  return queue, true
end

-- keep stores a queue; nil for one that nobody is in.
local function keep(waiters, queue)
  if queue then
    redis.call('SET', waiters, queue, 'PX', QUEUE_TTL)
  else
    redis.call('DEL', waiters)
  end
end

-- hand_over gives a lock to the first process in the queue and tells it so, or
-- frees the lock when nobody waits. A token that is still in the queue though it
-- holds the lock is not handed it again. Telling may fail (an ACL without
-- PUBLISH): the new owner then finds out when it looks again.
local function hand_over(lock, waiters, queue, channel, token)
  local others, queued = without(queue, token)
  if not others then
    redis.call('DEL', lock)
    if queued then keep(waiters, nil) end
    return
  end
  local first = string.sub(others, 1, TOKEN_LENGTH)
  redis.call('SET', lock, first, 'PX', GRACE)
  keep(waiters, (without(others, first)))
  redis.pcall('PUBLISH', channel .. string.sub(first, 1, PROCESS_LENGTH), first)
end

-- leave_queue removes a token from the queue.
local function leave_queue(waiters, token)
  local queue, queued = without(redis.call('GET', waiters), token)
  if queued then keep(waiters, queue) end
end

-- write sets the field-value pairs ARGV[first..middle] and deletes the fields
-- ARGV[middle+1..#ARGV] of a session.
local function write(data, first, middle)
  for i = first, middle, SLICE do
    redis.call('HSET', data, unpack(ARGV, i, math.min(i + SLICE - 1, middle)))
  end
  for i = middle + 1, #ARGV, SLICE do
    redis.call('HDEL', data, unpack(ARGV, i, math.min(i + SLICE - 1, #ARGV)))
  end
end
