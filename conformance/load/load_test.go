//go:build testall

package load

import (
	"testing"
	"time"
)

// Under load nothing grows, and a flood on one session stays with that session.
func TestLoad(t *testing.T) {
	r := newRig(t, t.Output(), *clients, *sessions)
	r.say("%d sessions of %d clients, on net/http, Gin and Fiber in turn, %v all together", *sessions, *clients, *duration)
	for _, f := range frameworks {
		for _, fault := range r.turn(f, planned(*duration/time.Duration(len(frameworks))), nil).faults() {
			t.Errorf("%s: %s", f.name, fault)
		}
	}
	r.ended()
	made, live := r.made.count(), tally{}
	for _, c := range r.clients {
		made = made.plus(c.made.count())
		for _, h := range c.held {
			live.add(handle(h.id))
		}
	}
	handled, over := r.ends.count(), made.minus(live.count())
	r.say("%d sessions were made, and %d ends handled; the index of ends has the %d that live", made.n, handled.n, live.count().n)
	if handled != over {
		t.Errorf("%d sessions have ended, and %d ends were handled, which must be those of the same sessions", over.n, handled.n)
	}
}
