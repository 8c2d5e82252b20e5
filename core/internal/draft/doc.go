// Package draft has the facts of one session: whose it is, since when, and how long it and its cookie live. It
// has them as they are in Redis, and as the request has made them, and says what a commit writes of that.
//
// It knows which fact follows from which. It never knows values, IDs, leases or requests. Nothing here waits or
// calls Redis. A Draft is not safe for concurrent use.
package draft
