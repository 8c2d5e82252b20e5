package history

import (
	"fmt"
	"slices"
	"strings"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// Check returns what is wrong with a run, and how many sessions porcupine could not decide in time.
func (r *Record) Check() (found []Violation, undecided int) {
	found, undecided = r.linearizable()
	for _, check := range []func() []Violation{r.twice, r.holders, r.everyEnd, r.calm} {
		found = append(found, check()...)
	}
	return found, undecided
}

// twice finds values that are in a session twice.
func (r *Record) twice() (found []Violation) {
	look := func(where string, list []int) {
		count := map[int]int{}
		for _, n := range list {
			if count[n]++; count[n] == 2 {
				found = append(found, Violation{"twice", fmt.Sprintf("%s: #%d was written twice: %v", where, n, list)})
			}
		}
	}
	for _, op := range r.Ops {
		look("a reply", op.Reply.List)
	}
	for _, e := range r.Journal {
		look("an end", e.List)
	}
	return found
}

// stay is the time that a handler had a session.
type stay struct {
	op                  int
	server              string
	begun, enter, leave int64
}

// holders finds two handlers that had one lease at the same time. A lease lasts for LockTTL at least, from
// when its request came. So whoever enters earlier than that, and while the other one is inside, has taken
// it away. A process that stood still for longer may go on when others have its session.
func (r *Record) holders() (found []Violation) {
	stays := map[string][]stay{}
	inside := map[int]stay{}
	for _, e := range r.Journal {
		switch {
		case !e.Locked || e.Handle == "":
		case e.Kind == "enter":
			inside[e.Op] = stay{e.Op, e.Server, e.Begun, e.At, e.At}
		case e.Kind == "leave":
			s := inside[e.Op]
			s.leave = e.At
			stays[e.Handle] = append(stays[e.Handle], s)
			delete(inside, e.Op)
		}
	}
	for _, handle := range sortedKeys(stays) {
		for _, a := range stays[handle] {
			for _, b := range stays[handle] {
				if a.op != b.op && a.enter <= b.enter && b.enter < a.leave && b.enter < a.begun+r.LockTTL {
					found = append(found, Violation{"one holder", fmt.Sprintf(
						"session %s: #%d at %s was inside for %.1f ms, and #%d at %s entered %.1f ms after the first one had begun; LockTTL is %.0f ms",
						handle, a.op, a.server, ms(a.leave-a.enter), b.op, b.server, ms(b.enter-a.begun), ms(r.LockTTL))})
				}
			}
		}
	}
	return found
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// everyEnd finds sessions whose end nobody has handled, and ends that were handled twice without a reason.
func (r *Record) everyEnd() (found []Violation) {
	if !r.TrackEnd {
		return nil
	}
	seen, made, ends := r.seen(), r.made(), r.ends()
	for _, op := range r.Ops {
		handle := made[op.N]
		if handle == "" || op.Path == "/signout" || op.Outcome != wire.Done && !seen[op.N] {
			continue
		}
		if op.Path == "/read" || op.Path == "/peek" {
			continue // it saves nothing
		}
		if !slices.ContainsFunc(ends[handle], func(e wire.Entry) bool { return e.OK }) {
			found = append(found, Violation{"every end", fmt.Sprintf("nobody has handled the end of session %s, which #%d has made; attempts: %d", handle, op.N, len(ends[handle]))})
		}
	}
	for _, handle := range sortedKeys(ends) {
		var before *wire.Entry
		for i := range ends[handle] {
			e := &ends[handle][i]
			if before != nil && before.OK && !r.troubled(before.Server, before.Begun, e.At) {
				found = append(found, Violation{"one end", fmt.Sprintf("the end of session %s was handled by %s in attempt %d, and by %s, which began %.1f ms later, in attempt %d: %s", handle, before.Server, before.Attempt, e.Server, ms(e.Begun-before.Begun), e.Attempt, e.Reason)})
			}
			before = e
		}
	}
	return found
}

// troubled tells whether something was wrong with a server in that time.
func (r *Record) troubled(server string, from, till int64) bool {
	return slices.ContainsFunc(r.Troubles, func(w Window) bool {
		return (w.Server == "" || w.Server == server) && w.At <= till && w.Till >= from
	})
}

// calm finds failures of a run that had no faults.
func (r *Record) calm() (found []Violation) {
	if !r.Calm {
		return nil
	}
	for _, op := range r.Ops {
		if op.Outcome == wire.Done || op.Outcome == wire.Not && strings.HasSuffix(op.Reason, " ended") {
			continue
		}
		found = append(found, Violation{"calm", fmt.Sprintf("#%d %s at %s failed without a fault: %s %s", op.N, op.Path, op.Server, op.Outcome, op.Reason)})
	}
	return found
}

// EndsMissing returns how many sessions were saved whose end nobody has handled yet.
func (r *Record) EndsMissing() (missing int) {
	for _, v := range r.everyEnd() {
		if v.Check == "every end" {
			missing++
		}
	}
	return missing
}
