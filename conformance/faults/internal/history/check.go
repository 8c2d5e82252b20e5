package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// Check returns what is wrong with a run, and how many sessions porcupine could not decide in time.
func (r *Record) Check() (found []Violation, undecided int) {
	found, undecided = r.linearizable()
	for _, check := range []func() []Violation{r.foreign, r.idle, r.twice, r.holders, r.everyEnd, r.oneEnd, r.dataOfEnds, r.calm} {
		found = append(found, check()...)
	}
	return Folded(found), undecided
}

// Folded returns one violation for each check and session, which says how many more there are.
func Folded(all []Violation) (folded []Violation) {
	type subject struct{ check, session string }
	first, more := map[subject]int{}, map[int]int{}
	for _, v := range all {
		s := subject{v.Check, v.Session}
		if i, is := first[s]; is {
			more[i]++
			continue
		}
		first[s] = len(folded)
		folded = append(folded, v)
	}
	for i, n := range more {
		folded[i].Text += fmt.Sprintf("\n  and %d more of this kind", n)
	}
	return folded
}

// twice finds values that are in a session twice.
func (r *Record) twice() (found []Violation) {
	look := func(handle, where string, list []int) {
		count := map[int]int{}
		for _, n := range list {
			if count[n]++; count[n] == 2 {
				found = append(found, Violation{"twice", handle, fmt.Sprintf("%s: #%d was written twice: %v", where, n, list)})
			}
		}
	}
	for _, op := range r.Ops {
		look(cmp.Or(op.Reply.Handle, handleOf(op.Cookie)), fmt.Sprintf("the reply to #%d", op.N), op.Reply.List)
	}
	for _, e := range r.Journal {
		look(e.Handle, "an end", e.List)
	}
	return found
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

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
		if op.Outcome == wire.Not && r.troubled(op.Server, op.Call, op.Return) {
			continue // a server that stood still has lost its lease
		}
		found = append(found, Violation{"calm", handleOf(op.Cookie), fmt.Sprintf("#%d %s at %s failed without a fault: %s %s", op.N, op.Path, op.Server, op.Outcome, op.Reason)})
	}
	return found
}
