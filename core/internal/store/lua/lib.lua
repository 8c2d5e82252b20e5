-- lib.lua is part of every other script of this folder: it stands in place of their include line.
--
-- A session's keys share one hash tag. For application "shop" and the session with the handle S:
--   {shop_S}_Data     hash    a field per value, and META, SECRET and MAC
--   {shop_S}_Rotated  string  proofs that were rotated away in the last minute, newest first, no delimiter
--   {shop_S}_Merged   string  tokens of the last commits without a lease, newest first, no delimiter
--   {shop_S}_Lock     string  the token of the lease, with the lease's time left as TTL
--   {shop_S}_Waiters  string  tokens of waiting processes, first come first, no delimiter
--   {shop_S}_Timeout  string  of a tracked session: exists while the session is alive
--   {shop_S}_Ended    hash    of a tracked session that has ended: what Data was, until that is handled
--   {shop_S}_Claim    string  the token of the handler of that end
--
-- SECRET has the proof. A client that has the session's secret can show the proof. A caller that
-- needs no proof, such as a job that knows the handle, passes ''.
-- MAC exists only with encryption keys. Scripts do not check it.
-- USED is when the session was last used, in unix s, once its TTL is cut by the longest life.
--
-- META of a live session:    2 <timeout ms> <created ms> <extras> <commit token> <principal>
-- META of a retired session: 2 retired <token of who retired it> <reason> <extras>
-- META in Ended:             2 ended <reason> <used ms> <ended ms> <attempts> <created ms> <authenticated ms> <principal>
--
-- <extras> is -, or letters with a number each:
--   a  when the principal last changed or last proved to be there, unix ms
--   s  when the cookie was sent, unix s
--   m  how long the browser keeps the cookie of this session, in s; 0: as those of others
--   l  when the principal's index was last told of the session, unix s
--   c  1 if there is a companion, 0 if there is none any more
--   r  how long the data of an ended session are kept, in ms; with it, the session is tracked
--
-- Scripts answer with one of these codes, or with a table that starts with one.
local DONE, BUSY, UNKNOWN, RETIRED, UNSUPPORTED, LOST, ROTATED, ALIVE = 1, 2, 3, 4, 5, 6, 7, 8

local META, SECRET, MAC, USED = '_berth', '_berth_secret', '_berth_mac', '_berth_used'
local TOKEN_LENGTH, PROCESS_LENGTH, PROOF_LENGTH, HANDLE_LENGTH = 28, 16, 32, 26
-- GRACE is how long a lock that was handed over waits for its new owner, in ms. QUEUE_TTL is how
-- long the queue outlives the last waiter's sign of life, in ms. A waiter looks again at least
-- twice within each of the two.
local GRACE, QUEUE_TTL = 500, 2000
-- MEMORY is how long Redis remembers a proof that was rotated away, a session that was retired, and a
-- commit without a lease, in ms.
local MEMORY = 60000
-- unpack() fails for some thousand values. So long lists go in slices.
local SLICE = 1000

-- on_master fails on a replica. A script that only looks, or that says no, as when there is no such session, has
-- written nothing. A replica would answer too, with what is out of date: one that is behind, or the old master
-- after a failover, to which clients are still connected. So it gets an HDEL, which deletes nothing, to refuse,
-- and the caller tries again elsewhere. Do not call it before need_memory: after a first write, a full server
-- refuses nothing.
local function on_master(hash)
  redis.call('HDEL', hash, '')
end

-- classify returns DONE, the timeout, the time of creation and the extras of a live session. If META
-- says something else, it returns the code for that. A tracked session that META calls live may have
-- expired: touch finds out.
local function classify(meta)
  if not meta then return UNKNOWN end
  local timeout, created, extras = string.match(meta, '^2 (%d+) (%d+) (%S+) ')
  if timeout then return DONE, timeout, created, extras end
  if string.sub(meta, 1, 10) == '2 retired ' then return RETIRED end
  return UNSUPPORTED
end

-- find returns what classify returns, if the proof is the session's or ''. It returns ROTATED for a
-- proof that was rotated away, and UNKNOWN for any other.
local function find(data, rotated, proof)
  local own = redis.call('HMGET', data, META, SECRET)
  if not own[1] then return redis.call('EXISTS', data) == 1 and UNSUPPORTED or UNKNOWN end
  local code, timeout, created, extras = classify(own[1])
  if code ~= UNSUPPORTED and proof ~= '' and proof ~= own[2] then
    if string.find(redis.call('GET', rotated) or '', proof, 1, true) then return ROTATED end
    return UNKNOWN
  end
  return code, timeout, created, extras
end

-- retention returns how long a session's data outlive it in ms, nil if its end is not tracked.
local function retention(extras)
  return string.match(extras, 'r(%d+)')
end

-- touch moves the end of a session to timeout from now, but never past latest (unix ms, 0 for none).
-- It returns whether the session is still there.
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
  redis.call('PEXPIREAT', life, string.format('%.0f', latest))
  local left = redis.call('PTTL', life)
  if left > tonumber(timeout) then
    redis.call('PEXPIRE', life, timeout) -- PEXPIREAT … LT needs Redis 7
  elseif left >= 0 and not kept then
    -- The TTL does not tell any more when the session was used. A full server may refuse this.
    redis.pcall('HSET', data, USED, redis.call('TIME')[1])
  end
  return left ~= -2
end

-- need_memory fails on a full server. It must come before all that a script writes: Redis looks at its memory
-- only at the first write.
local function need_memory(data, meta)
  redis.call('HSET', data, META, meta)
end

-- authenticated is when the principal last changed or last proved to be there, unix ms; '0' if the
-- session never had a principal.
local function authenticated(extras)
  return string.match(extras, 'a(%d+)') or '0'
end

-- deadline is when a session must end at the latest, in unix ms, 0 for none.
local function deadline(created, extras, lifetime)
  if lifetime == 0 then return 0 end
  return math.max(tonumber(created), tonumber(authenticated(extras))) + lifetime
end

-- load starts the idle time of a live session anew, if the caller shows its proof, and returns
-- DONE. If something else is there, it returns the code for that. With full, it also returns all
-- fields, those of a retired session too. Lifetime is in ms, 0 for none. The session lives for at
-- least least ms more.
local function load(data, alive, rotated, proof, lifetime, least, full)
  local code, timeout, created, extras = find(data, rotated, proof)
  if code == DONE then
    if tonumber(timeout) < least then timeout = least end
    if not touch(data, alive, timeout, extras, deadline(created, extras, lifetime)) then return UNKNOWN end
  else
    on_master(data)
  end
  if full and (code == DONE or code == RETIRED) then return code, redis.call('HGETALL', data) end
  return code
end

-- particulars reads the four things that commit.lua describes at ARGV[3].
local function particulars(text)
  return string.match(text, '^(%d+) (%d+) (%d*) (%w*)$')
end

-- commit_token returns the token of the last commit, from META.
local function commit_token(meta)
  return string.match(meta, '^2 %d+ %d+ %S+ (%S+) ')
end

-- mark returns extras after changes.
local function mark(extras, changes)
  for letter, number in string.gmatch(changes, '(%l)(%d+)') do
    extras = string.gsub(extras, letter .. '%d+', '')
    if extras == '-' then extras = '' end
    extras = extras .. letter .. number
  end
  return extras
end

-- rewrite returns META after a commit, and then the timeout, the time of creation and the extras in
-- it. The commit changes the timeout and the extras unless they are '', and the token and the
-- principal unless they are nil.
local function rewrite(meta, timeout, changes, token, principal)
  local own_timeout, created, extras, own_token, own_principal = string.match(meta, '^2 (%d+) (%d+) (%S+) (%S+) (.*)$')
  if timeout == '' then timeout = own_timeout end
  extras = mark(extras, changes)
  meta = table.concat({'2', timeout, created, extras, token or own_token, principal or own_principal}, ' ')
  return meta, timeout, created, extras
end

-- principal_of returns the principal of a live session.
local function principal_of(meta)
  return string.match(meta, '^2 %d+ %d+ %S+ %S+ (.*)$')
end

-- without returns a queue without a token, nil if the queue is then empty; and whether the token
-- was in it. The token '' is in no queue.
local function without(queue, token)
  local from = queue and token ~= '' and string.find(queue, token, 1, true)
  if not from then return queue, false end
  queue = string.sub(queue, 1, from - 1) .. string.sub(queue, from + TOKEN_LENGTH)
  if queue == '' then queue = nil end
  return queue, true
end

-- keep stores a queue; nil is the empty queue.
local function keep(waiters, queue)
  if queue then
    redis.call('SET', waiters, queue, 'PX', QUEUE_TTL)
  else
    redis.call('DEL', waiters)
  end
end

-- tell tells the process of a token that it got a lock. Channel is the prefix of the processes'
-- channels. With "sharded, or " before it, tell uses a sharded channel of the session, if the
-- server has such channels (Redis 7). Telling may fail (an ACL without PUBLISH). Then the new owner
-- finds out when it looks again.
local function tell(channel, lock, token)
  local process = string.sub(token, 1, PROCESS_LENGTH)
  if string.sub(channel, 1, 12) == 'sharded, or ' then
    local told = redis.pcall('SPUBLISH', string.sub(lock, 1, -5) .. 'Wake:' .. process, token)
    if type(told) ~= 'table' or not told.err then return end
    channel = string.sub(channel, 13)
  end
  redis.pcall('PUBLISH', channel .. process, token)
end

-- tell_watchers tells the processes that watch sessions that this one has ended, or has another proof or
-- principal. On a cluster, PUBLISH reaches the subscribers of all nodes. It may fail, as tell may: then
-- they find out when they look again.
local function tell_watchers(data)
  local prefix, handle = string.match(data, '^{(.*)(' .. string.rep('.', HANDLE_LENGTH) .. ')}')
  if prefix then redis.pcall('PUBLISH', prefix .. 'Watch', handle) end
end

-- hand_over gives a lock to the first process in the queue and tells it. If nobody waits, it frees
-- the lock. The token that gives up the lock may still be in the queue: it does not get the lock
-- again.
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

-- leave_queue removes a token from the queue, or an older token of the same process, which a try
-- whose reply was lost has left. It returns the queue, nil if it is then empty.
local function leave_queue(waiters, token)
  local queue = redis.call('GET', waiters) or nil
  local at = queue and string.find(queue, string.sub(token, 1, PROCESS_LENGTH), 1, true)
  local own = at and string.sub(queue, at, at + TOKEN_LENGTH - 1)
  if own and own <= token then
    queue = without(queue, own)
    keep(waiters, queue)
  end
  return queue
end

-- wipe deletes all values. The engine's own fields stay.
local function wipe(data)
  for _, field in ipairs(redis.call('HKEYS', data)) do
    if string.sub(field, 1, #META) ~= META then redis.call('HDEL', data, field) end
  end
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
