package history

import (
	"fmt"
	"slices"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// everyEnd finds sessions whose end nobody has handled.
func (r *Record) everyEnd() (found []Violation) {
	if !r.TrackEnd {
		return nil
	}
	saved, ends := r.saved(), r.ends()
	for _, handle := range sortedKeys(saved) {
		if !slices.ContainsFunc(ends[handle], func(e wire.Entry) bool { return e.OK }) {
			found = append(found, Violation{"every end", handle, fmt.Sprintf("nobody has handled the end of session %s, which #%d has made; attempts: %d", handle, saved[handle], len(ends[handle]))})
		}
	}
	return found
}

// oneEnd finds ends that were handled twice, or by two handlers at the same time, while nothing was wrong with
// the server that had them first.
func (r *Record) oneEnd() (found []Violation) {
	if !r.TrackEnd {
		return nil
	}
	ends := r.ends()
	for _, handle := range sortedKeys(ends) {
		for i, a := range ends[handle] {
			for _, b := range ends[handle][i+1:] {
				if !a.OK && b.Begun >= a.At || r.troubled(a.Server, a.Begun, b.At) {
					continue
				}
				found = append(found, Violation{"one end", handle, fmt.Sprintf(
					"the end of session %s was with %s for %.1f ms in attempt %d (ok: %t), and with %s, which began %.1f ms later, in attempt %d: %s",
					handle, a.Server, ms(a.At-a.Begun), a.Attempt, a.OK, b.Server, ms(b.Begun-a.Begun), b.Attempt, b.Reason)})
			}
		}
	}
	return found
}

// dataOfEnds finds ends that came without the data of a session that was saved. Runs are much shorter than
// EndRetention, and Redis keeps what it has acknowledged, so nothing else explains that but an earlier handler
// that has had the data.
func (r *Record) dataOfEnds() (found []Violation) {
	if !r.TrackEnd {
		return nil
	}
	saved, ends := r.saved(), r.ends()
	for _, handle := range sortedKeys(ends) {
		had := false
		for _, e := range ends[handle] {
			if op := saved[handle]; e.NoData && !had && op != 0 {
				found = append(found, Violation{"data of ends", handle, fmt.Sprintf(
					"the handler of %s got the end of session %s without its data, which #%d has saved: %s, attempt %d", e.Server, handle, op, e.Reason, e.Attempt)})
			}
			had = had || !e.NoData && e.OK
		}
	}
	return found
}

// EndsMissing returns how many sessions were saved whose end nobody has handled yet.
func (r *Record) EndsMissing() int { return len(r.everyEnd()) }

// saved returns the sessions that were certainly saved, with the request that has made each.
func (r *Record) saved() map[string]int {
	seen, made, saved := r.seen(), r.made(), map[string]int{}
	for _, op := range r.Ops {
		if handle := made[op.N]; handle != "" && saves(op.Path) && (op.Outcome == wire.Done || seen[op.N]) {
			saved[handle] = op.N
		}
	}
	return saved
}

// saves tells whether a request of that path makes a session if it has none.
func saves(path string) bool {
	return path != "/signout" && path != "/read" && path != "/peek" && path != "/endall"
}
