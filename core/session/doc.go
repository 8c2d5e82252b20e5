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
// # Guarantees
//
//   - Two requests of one session never overwrite each other's changes, unless they ask
//     for [Shared]; and then only field by field.
//   - A commit is written whole or not at all. One whose reply was lost is tried again
//     without being written twice.
//   - Whoever lost the lease writes nothing and is told: [ErrLockLost].
//   - A session that expired, was abandoned, ended or rotated never comes back:
//     [ErrEnded].
//   - A session that cannot be loaded or locked is an error, never an empty
//     session that a save would put in its place. With Options.FailSilently it is a
//     detached one, which is never saved.
//   - A crashed process frees its sessions within Options.LockTTL.
//   - With Options.TrackEnd, the end of every session is handed to [Manager.HandleEnd], at
//     least once.
//   - No error and no log line holds a session ID or a value.
//
// # Keys in Redis
//
// For the application "shop" and the session S, sharing one slot of a cluster:
//
//	{shop_S}_Data     hash    a field per value; the field _berth has the session's own facts
//	{shop_S}_Lock     string  the token of the lease, while a request holds the session
//	{shop_S}_Waiters  string  tokens of processes that wait for it
//
// With Options.TrackEnd there are {shop_S}_Timeout, {shop_S}_Ended, {shop_S}_Claim and the
// index {shop_Ends_00} to _15; with principals {shop_Principal_P}; with companions S.
//
// Waiters hear of their turn on the pub/sub channel shop_Wake_P of their process.
// The scripts need Redis 6 or later, and Redis 7 or Valkey for Options.MaxLifetime.
package session
