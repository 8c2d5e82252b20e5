// Package session is server-side session state in Redis for web services that
// run on several instances. It knows no web framework: package httpsession and
// the adapters put it under one.
//
// # One request
//
// A [Manager] begins a session for a request by the ID that its cookie carries:
//
//	s, err := m.Begin(ctx, id, session.Exclusive)
//	if err != nil { … }
//	defer s.Rollback(ctx)
//
// One script in Redis takes the lease of the session, loads all of its values and starts its idle
// time anew. An ID that Redis does not know gives a new session with an ID of its own. While the
// handler runs, other requests of the same session wait: within a process in the order in which
// they came, and processes take turns.
//
//	n, err := session.Get[int](s, "n")
//	s.Set("n", n+1)
//	err = s.Commit(ctx)
//
// Values are decoded when they are first read. The commit finds those that were set, deleted or
// changed in place. One script checks the lease, writes only these values, and hands the lease to
// the next request. A request without a cookie makes no call to Redis, a [ReadOnly] one makes one,
// an [Exclusive] one two.
//
// # Identity
//
// A client's ID is HANDLE.SECRET. The handle names the session's keys from its first commit to its
// end. It opens nothing, and may be logged. Redis does not have the secret but a proof: a part of
// the SHA-256 of the ID. [Session.Rotate] gives the client a new secret and Redis a new proof, in
// one commit; so does [Session.SetPrincipal] of another user. For a minute, a request with the old
// secret gets a detached session.
//
// # Guarantees
//
//   - Two requests of one session never overwrite each other's changes, unless they ask for
//     [Shared]; then the last one wins, field by field.
//   - A commit is written whole or not at all. If a reply is lost, berth repeats the commit, and it
//     is not written twice. A call that comes late overwrites nothing.
//   - A request that has lost the lease writes nothing, and gets [ErrLockLost]. An error says
//     "nothing was written" only if that is certain.
//   - A session that has expired or ended never comes back. A request that began before a rotation
//     writes nothing after it, and gets [ErrEnded].
//   - With a handle but no secret, no client can read, lock, prolong or end a session, or keep its
//     user waiting.
//   - If a session cannot be loaded or locked, that is an error. It never becomes an empty session
//     that a save would put in its place. With Options.FailSilently it is a detached session,
//     which is never saved; but nobody is signed in or out in silence.
//   - The sessions of a crashed process are free within Options.LockTTL.
//   - With Options.TrackEnd, [Manager.HandleEnd] gets the end of every session, at least once.
//   - No error and no log line holds a secret or a value.
//
// # Keys in Redis
//
// For the application "shop" and the session with the handle S, sharing one slot of a cluster:
//
//	{shop_S}_Data     hash    a field per value; _berth has the session's own facts, _berth_secret the proof
//	{shop_S}_Rotated  string  proofs that were rotated away in the last minute
//	{shop_S}_Merged   string  tokens of the last commits of Shared requests, for a minute
//	{shop_S}_Lock     string  the token of the lease, while a request holds the session
//	{shop_S}_Waiters  string  tokens of processes that wait for it
//
// With Options.TrackEnd there are {shop_S}_Timeout, {shop_S}_Ended, {shop_S}_Claim and the
// index {shop_Ends_00} to _15; with principals {shop_Principal_P}; with companions S and {S}_Proof.
//
// Waiters hear of their turn on the pub/sub channel shop_Wake_P of their process. Who
// watches sessions hears of changes on shop_Watch.
// The scripts need Redis 6 or later, or Valkey.
package session
