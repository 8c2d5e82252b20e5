// Package gate is the queue of one session within a process. It lets one goroutine at a time
// through for each key, first come, first served. So of all requests that wait in this process for
// one session, only one talks to Redis. It knows nothing of Redis or sessions.
package gate
