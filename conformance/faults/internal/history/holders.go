package history

import (
	"fmt"
	"math"
	"slices"
)

// stay is the time that a handler had a session.
type stay struct {
	op                  int
	server              string
	begun, enter, leave int64 // leave is never if the server was killed meanwhile
}

const never = math.MaxInt64

// stays returns when handlers had sessions with their leases.
func (r *Record) stays() map[string][]stay {
	stays := map[string][]stay{}
	inside := map[int]*stay{}
	entered := map[int]string{}
	for _, e := range r.Journal {
		switch {
		case !e.Locked || e.Handle == "":
		case e.Kind == "enter":
			inside[e.Op] = &stay{e.Op, e.Server, e.Begun, e.At, never}
			entered[e.Op] = e.Handle
		case e.Kind == "leave" && inside[e.Op] != nil:
			inside[e.Op].leave = e.At
		}
	}
	for _, op := range sortedKeys(inside) {
		stays[entered[op]] = append(stays[entered[op]], *inside[op])
	}
	return stays
}

// holders finds two handlers that had one lease at the same time. A lease lasts for LockTTL at least, from
// when its request came, also if its server is killed. It is renewed for as long as its handler needs, unless
// there is trouble with the server or with Redis: a process that stood still for longer may go on when others
// have its session.
func (r *Record) holders() (found []Violation) {
	stays := r.stays()
	for _, handle := range sortedKeys(stays) {
		for _, a := range stays[handle] {
			for _, b := range stays[handle] {
				if a.op == b.op || a.enter > b.enter || b.enter >= a.leave || !r.holds(a, b.enter) || r.late(b) {
					continue
				}
				was := "was inside until the server was killed"
				if a.leave != never {
					was = fmt.Sprintf("was inside for %.1f ms", ms(a.leave-a.enter))
				}
				found = append(found, Violation{"one holder", handle, fmt.Sprintf(
					"session %s: #%d at %s %s, and #%d at %s entered %.1f ms after the first one had begun, and %.1f ms after its own begin; LockTTL is %.0f ms",
					handle, a.op, a.server, was, b.op, b.server, ms(b.enter-a.begun), ms(b.enter-b.begun), ms(r.LockTTL))})
			}
		}
	}
	return found
}

// holds tells whether a handler that is inside must still have its lease at that time.
func (r *Record) holds(a stay, now int64) bool {
	if now < a.begun+r.LockTTL {
		return true
	}
	if !r.troubled(a.server, a.begun, now) {
		return true // it was renewed
	}
	// One that has waited got its lease when it entered, or a little before.
	return !r.troubled(a.server, a.begun, a.enter) && now < a.enter+r.LockTTL*3/4
}

// late tells whether a handler may have been called when its lease was over, because its server stood still
// on the way.
func (r *Record) late(b stay) bool {
	return b.enter >= b.begun+r.LockTTL && slices.ContainsFunc(r.Troubles, func(w Window) bool {
		return w.Server == b.server && w.At <= b.enter && w.Till >= b.begun
	})
}
