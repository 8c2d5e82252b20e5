// Package store reads and writes sessions in Redis.
//
// It knows the names of the keys, the Lua scripts (one for each operation), the format of a session's
// own facts, the scripts' statuses, and how many round trips an operation takes.
//
// It never knows HTTP, requests, cookies or what a value means. It does not wait for a lease and does
// not retry: the caller does. If the server does not know a script, store sends its source at once.
// [Batches] may hold a call back for 250 µs, so that calls of different requests share a round trip.
// It starts no goroutines of its own.
package store
