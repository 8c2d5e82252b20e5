//go:build testall

package load

import "fmt"

const (
	// heapMayGrow is how much more there may be at rest than after the warm-up. Buffers of connections
	// and what the runtime keeps for itself move by less than a MiB. A leak of 64 bytes in each request
	// shows after 65,000 requests, which take ten seconds.
	heapMayGrow = 4 << 20
	// floodHeapMayGrow is for the heap in the middle of the flood, with its garbage. 448 requests at once have
	// buffers of some 64 KiB each, and Go lets such a heap double: about 60 MiB. Here is room for twice that.
	floodHeapMayGrow = 128 << 20
	// subscriptions are the connections of a manager that are in no pool: it hears of leases with one, and
	// of watched sessions with another.
	subscriptions = 2
	// goroutinesPerRequest is how many a request may need at most: its client, its connection, what watches
	// that connection, and a call to Redis.
	goroutinesPerRequest = 4
)

// faults returns what is not as it must be.
func (r turn) faults() (all []string) {
	wrong := func(is bool, format string, args ...any) {
		if is {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	wrong(r.last.heap > r.warm.heap+heapMayGrow, "heap: %.1f MiB at rest after the warm-up, %.1f MiB in the end", mib(r.warm.heap), mib(r.last.heap))
	wrong(r.last.goroutines > r.warm.goroutines, "goroutines: %d at rest after the warm-up, %d in the end", r.warm.goroutines, r.last.goroutines)
	wrong(r.left.goroutines > r.empty.goroutines, "goroutines: %d before the server was there, %d after it", r.empty.goroutines, r.left.goroutines)
	wrong(r.last.connections > r.pool+subscriptions, "connections: %d to Redis at rest, and the pools have room for %d", r.last.connections, r.pool)
	wrong(r.left.connections > r.empty.connections, "connections: %d to Redis before the server was there, %d after it", r.empty.connections, r.left.connections)
	wrong(r.endless != "", "keys: without a TTL are %s", r.endless)

	f := r.flood
	if f.crowd == 0 {
		return all
	}
	wrong(len(f.strange) > 0, "flood: answers that are neither 200 nor 503: %q", f.strange)
	wrong(f.served == 0, "flood: nobody was served")
	wrong(f.refused == 0, "flood: nobody was refused, though %d came at once", f.crowd)
	wrong(f.kept != f.served, "flood: %d changes are in the session, and %d were acknowledged", f.kept, f.served)
	// Stats counts a request as waiting for the moment that it takes to refuse it. So there are some more than
	// MaxWaiters, but not as many as come.
	wrong(f.waiting > int64(maxWaiters+f.crowd)/2, "flood: %d wait, and MaxWaiters is %d", f.waiting, maxWaiters)
	wrong(f.goroutines > r.warm.goroutines+goroutinesPerRequest*(r.clients+f.crowd), "flood: %d goroutines for %d requests, %d at rest", f.goroutines, r.clients+f.crowd, r.warm.goroutines)
	wrong(f.heap > r.warm.heap+floodHeapMayGrow, "flood: the heap grows from %.1f to %.1f MiB", mib(r.warm.heap), mib(f.heap))
	// Whoever waits for the flooded session waits behind MaxWaiters others. If requests of other sessions
	// had to wait for it too, then that long, and as long again as they take without it.
	wrong(f.others.p99 >= f.wait+r.before.p99, "flood: of requests for other sessions, 1 in 100 takes more than %v, though a place in the flooded session takes %v", f.others.p99, f.wait)
	return all
}
