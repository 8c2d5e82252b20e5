// Package lease gives a session to one request at a time.
//
// [Leases.Acquire] waits for the lease of a session, takes it and loads the session in the same
// call to Redis. In this process requests pass a gate one by one (package gate), so that only the
// first of them talks to Redis. There it stands in a queue of processes; package wake tells it
// when its turn has come. While the request runs, a timer renews its [Lease] until Hold has
// passed. A lease that runs out or is taken away is lost: the request hears of it, and its commit
// writes nothing.
//
// The package knows tokens, time limits and the two queues; and it keeps a companion alive as long as
// the lease. It never looks at values or the principal, and never knows what the commit writes.
package lease
