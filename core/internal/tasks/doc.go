// Package tasks runs what goes on beside the requests of a manager, and ends it.
//
// Some work must not keep a request waiting: to renew a lease, to give up a lease when Redis
// cannot be reached, to clean an index. It runs in goroutines that [Tasks] counts.
// [Tasks.Close] tells them to end and waits for them. After Close nothing new starts: what has
// to be done all the same, is done in the caller's own goroutine, once.
//
// The package knows time limits and the schedule of package retry. It never knows what the
// work is about: neither sessions nor keys.
package tasks
