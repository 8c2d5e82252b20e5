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
// One script in Redis takes the lease of the session, loads all of its values and
// starts its idle time anew. An ID that Redis does not know gives a new session,
// and is never adopted. While the handler runs, other requests of the same session
// wait: in the order they came within a process, and processes take turns.
//
//	n, err := session.Get[int](s, "n")
//	s.Set("n", n+1)
//	err = s.Commit(ctx)
//
// Values are decoded when they are first read. At the commit, those that were set,
// deleted or changed in place are found, and one script checks the lease, writes
// just them and hands the lease to whoever waits. A request without a cookie makes
// no call, a [ReadOnly] one makes one, an [Exclusive] one two.
//
// # Identity
//
// What a client holds is HANDLE.SECRET. The handle names the session's keys from its first
// commit to its end, opens nothing, and may be logged. Redis has a proof in place of the secret: a part of
// the SHA-256 of the ID. [Session.Rotate] gives the client a new secret, and Redis a new
// proof, in the commit that it belongs to; so does [Session.SetPrincipal] of another user. For a
// minute, a request with the old secret gets a detached session.
//
// # Guarantees
//
//   - Two requests of one session never overwrite each other's changes, unless they ask
//     for [Shared]; and then only field by field.
//   - A commit is written whole or not at all. One whose reply was lost is tried again
//     without being written twice, and a call that comes late overwrites nothing.
//   - Whoever lost the lease writes nothing and is told: [ErrLockLost]. "Nothing was written"
//     is only said where that is certain.
//   - A session that expired, was abandoned or ended never comes back, and what began before a
//     rotation is not written after it: [ErrEnded].
//   - Whoever knows a handle and not the secret can neither read, lock, prolong nor end the
//     session, nor keep its user waiting.
//   - A session that cannot be loaded or locked is an error, never an empty
//     session that a save would put in its place. With Options.FailSilently it is a
//     detached one, which is never saved; but nobody is signed in or out in silence.
//   - A crashed process frees its sessions within Options.LockTTL.
//   - With Options.TrackEnd, the end of every session is handed to [Manager.HandleEnd], at
//     least once.
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
// Waiters hear of their turn on the pub/sub channel shop_Wake_P of their process.
// The scripts need Redis 6 or later, and Redis 7 or Valkey for Options.MaxLifetime.
package session
