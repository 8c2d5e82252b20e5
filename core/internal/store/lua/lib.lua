-- lib.lua goes into every other script of this folder, where that includes it.
--
-- A session's keys share one hash tag. For application "shop" and session S:
--   {shop_S}_Data     hash    a field per value, and META with the session's own facts
--   {shop_S}_Lock     string  the token of the lease, with the lease's time left as TTL
--   {shop_S}_Waiters  string  tokens of waiting processes, first come first, without a delimiter
--   {shop_S}_Timeout  string  of a tracked session: there while it is alive
--   {shop_S}_Ended    hash    what Data was, of a tracked session that ended and was not handled yet
--   {shop_S}_Claim    string  the token of who handles that end
--
-- META of a live session:    1 <timeout ms> <created ms> <extras> <commit token> <principal>
-- META of a retired session: 1 retired <token of the retiring commit> moved|ended <extras>
-- META in Ended:             1 moved <token> <extras>, of a session that went on under another ID; or
--                            1 ended <reason> <used ms> <ended ms> <attempts> <created ms> <principal>
--
-- <extras> is -, or made of a letter and a number each:
--   s  when the cookie was sent, unix s
--   l  when the principal's index was last told of the session, unix s
--   c  1 if there is a companion
--   r  how long the data of an ended session is kept, in ms: the session is tracked
--
-- Scripts answer with one of these codes, or with a table that starts with one.
local DONE, BUSY, UNKNOWN, RETIRED, UNSUPPORTED, LOST, CHANGED, ALIVE = 1, 2, 3, 4, 5, 6, 7, 8

local META = '_berth'
local MOVED = '1 moved '
local TOKEN_LENGTH, PROCESS_LENGTH = 28, 16
-- How long a lock that was handed over waits for its new owner, in ms, and how
-- long the queue outlives the last waiter's sign of life. A waiter looks again
-- at least twice in either time.
local GRACE, QUEUE_TTL = 500, 2000
-- unpack() fails beyond some thousand values, so long lists go in slices.
local SLICE = 1000

-- classify returns DONE, the timeout, the time of creation and the extras of a
-- live session, or the code of what META says instead. A tracked session that META
-- calls live may have expired: touch finds out.
local function classify(meta)
  if not meta then return UNKNOWN end
  local timeout, created, extras = string.match(meta, '^1 (%d+) (%d+) (%S+) ')
  if timeout then return DONE, timeout, created, extras end
  if string.sub(meta, 1, 10) == '1 retired ' then return RETIRED end
  return UNSUPPORTED
end

-- retention returns how long a session's data outlives it, nil if its end is not
-- tracked.
local function retention(extras)
  return string.match(extras, 'r(%d+)')
end

-- touch moves the end of a session to timeout from now, but never past the
-- latest (unix ms, 0 for none). It returns whether the session is still there.
local function touch(data, alive, timeout, extras, latest)
  local kept, life = retention(extras), data
  if kept then
    life = alive
    if redis.call('PEXPIRE', alive, timeout) == 0 then return false end
    redis.call('PEXPIRE', data, timeout + kept)
  elseif redis.call('PEXPIRE', data, timeout) == 0 then
    return false
  end
  if latest == 0 then return true end
  redis.call('PEXPIREAT', life, string.format('%.0f', latest), 'LT')
  return redis.call('EXISTS', life) == 1
end

-- deadline is when a session must end at the latest, in unix ms, 0 for none.
local function deadline(created, lifetime)
  if lifetime == 0 then return 0 end
  return tonumber(created) + lifetime
end

-- load returns DONE for a live session, whose idle time starts anew, and if they are
-- asked for all of its fields; or the code of what is there instead. Lifetime is in ms,
-- 0 for none; the session lives on for least ms at least.
local function load(data, alive, lifetime, least, full)
  local code, timeout, created, extras = classify(redis.call('HGET', data, META))
  if code ~= DONE then
    if code == UNKNOWN and redis.call('EXISTS', data) == 1 then return UNSUPPORTED end
    return code
  end
  if tonumber(timeout) < least then timeout = least end
  if not touch(data, alive, timeout, extras, deadline(created, lifetime)) then return UNKNOWN end
  if full then return DONE, redis.call('HGETALL', data) end
  return DONE
end

-- particulars returns the four things that a commit is told beside its changes, and what
-- is after them.
local function particulars(text)
  return string.match(text, '^(%d+) (%d+) (%d*) (%w*) ?(.*)$')
end

-- commit_token returns the token of the last commit that META tells of.
local function commit_token(meta)
  return string.match(meta, '^1 %d+ %d+ %S+ (%S+) ')
end

-- mark returns extras in which those of changes are replaced.
local function mark(extras, changes)
  for letter, number in string.gmatch(changes, '(%l)(%d+)') do
    extras = string.gsub(extras, letter .. '%d+', '')
    if extras == '-' then extras = '' end
    extras = extras .. letter .. number
  end
  return extras
end

-- rewrite returns META after a commit by token, which sets the timeout and
-- extras unless they are ''; and the timeout, time of creation and extras then.
local function rewrite(meta, timeout, changes, token)
  local own_timeout, created, extras, principal = string.match(meta, '^1 (%d+) (%d+) (%S+) %S+ (.*)$')
  if timeout == '' then timeout = own_timeout end
  extras = mark(extras, changes)
  return table.concat({'1', timeout, created, extras, token, principal}, ' '), timeout, created, extras
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

-- tell tells the process of a token that it was handed a lock. The channel is the
-- prefix of the processes' channels; "sharded, or " before it, there is a sharded
-- channel of the session, on servers that have that (Redis 7). Telling may fail (an
-- ACL without PUBLISH): the new owner then finds out when it looks again.
local function tell(channel, lock, token)
  local process = string.sub(token, 1, PROCESS_LENGTH)
  if string.sub(channel, 1, 12) == 'sharded, or ' then
    local told = redis.pcall('SPUBLISH', string.sub(lock, 1, -5) .. 'Wake:' .. process, token)
    if type(told) ~= 'table' or not told.err then return end
    channel = string.sub(channel, 13)
  end
  redis.pcall('PUBLISH', channel .. process, token)
end

-- hand_over gives a lock to the first process in the queue and tells it so, or
-- frees the lock when nobody waits. A token that is still in the queue though it
-- holds the lock is not handed it again.
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
  tell(channel, lock, first)
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
