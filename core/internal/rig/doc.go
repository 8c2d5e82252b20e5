// Package rig is what the tests of core stand on: a Redis for each test, managers on it,
// and sessions that must not fail. A test runs on miniredis, on a redis-server that the
// package shares, and in make test-all on a cluster, with Sentinel, with TLS and as a
// limited user too. Only tests import it.
//
// What a test needs beside that has a file each: faults of single calls (fault.go), scripts
// that are loaded before such a fault (warm.go), what a handler of ends was given (ends.go),
// sign-ins and the index (principal.go), companions (companion.go).
//
// It knows what is in Redis, to look at it behind a manager's back. It never knows a web framework.
package rig
