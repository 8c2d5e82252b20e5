// Package ends sees to it that the end of every session is handled, once at least.
//
// An index in Redis has the deadline of every session. [Ends.Handle] sweeps it: it takes what is
// due, claims what has ended, runs a handler for each, and settles what was handled. Keyspace
// notifications, where the server sends them, only say where to look first. A claim is renewed
// while its handler runs; when a process dies its claims run out, and others take them. An end
// that fails too often is put aside. [Ends.Retire] ends a session at once.
//
// The package knows the index, claims and attempts. It never knows values, requests or leases:
// the handler gets what was stored, as it is.
package ends
