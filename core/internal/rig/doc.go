// Package rig is what the tests of core stand on: a Redis for each test, managers on it,
// and sessions that must not fail. A test runs on miniredis, on a redis-server that the
// package shares, and in make test-all on a cluster, with Sentinel, with TLS and as a
// limited user too. Only tests import it.
package rig
