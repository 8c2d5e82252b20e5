// Package load has no code but tests: they put berth under load for a time, and look whether
// anything grows.
//
// Clients send requests to servers of net/http, Gin and Fiber in turn, on one redis-server. Each
// client has sessions of its own and knows what each response must say. Between two rounds all
// clients rest, and the test reads what is still there: heap, goroutines, connections to Redis,
// keys. Then a crowd floods one session, and the test looks what the others notice of it.
//
//	make load           # a minute
//	make load-nightly   # ten minutes
package load
