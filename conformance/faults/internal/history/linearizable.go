package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkTime is how long porcupine may look at one session.
const checkTime = 10 * time.Second

// linearizable checks each session against the model.
func (r *Record) linearizable() (found []Violation, undecided int) {
	model := (&porcupine.NondeterministicModel{
		Init:  func() []any { return one(state{}) },
		Step:  func(s, input, _ any) []any { return r.step(s.(state), input.(event)) },
		Equal: func(a, b any) bool { return a == b },
	}).ToModel()
	parts := r.partitions()
	for _, handle := range sortedKeys(parts) {
		history := parts[handle]
		if !slices.ContainsFunc(history, func(o porcupine.Operation) bool { return o.Input.(event).kind == create }) {
			found = append(found, Violation{"model", handle, "a session that nobody has made: " + handle + "\n" + r.tell(history)})
			continue
		}
		switch porcupine.CheckOperationsTimeout(model, history, checkTime) {
		case porcupine.Illegal:
			found = append(found, Violation{"model", handle, "no order explains session " + handle + ":\n" + r.tell(history)})
		case porcupine.Unknown:
			undecided++
		}
	}
	return found, undecided
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// tell writes a history for a reader. Cookies are named by the first letters of their secrets.
func (r *Record) tell(history []porcupine.Operation) string {
	start := int64(math.MaxInt64)
	for _, op := range r.Ops {
		start = min(start, op.Call)
	}
	ms := func(at int64) string {
		if at == math.MaxInt64 {
			return "…"
		}
		return strconv.FormatFloat(float64(at-start)/1e6, 'f', 1, 64)
	}
	short := func(cookie string) string {
		_, secret, _ := strings.Cut(cookie, ".")
		return secret[:min(4, len(secret))]
	}
	var b strings.Builder
	sorted := slices.Clone(history)
	slices.SortStableFunc(sorted, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, o := range sorted {
		e := o.Input.(event)
		fmt.Fprintf(&b, "  %8s %8s  %-9s", ms(o.Call), ms(o.Return), e.kind)
		if x := e.entry; x != nil {
			fmt.Fprintf(&b, "by %s: %s, attempt %d, list %v, own %v, last %d, user %q, ok %t\n", x.Server, x.Reason, x.Attempt, x.List, x.Own, x.Last, x.Principal, x.OK)
			continue
		}
		op := e.op
		fmt.Fprintf(&b, "#%d %s%s at %s by %d/%d, cookie %s → %s, %s %s, list %v, own %v, last %d, user %q, seen %t\n", op.N, op.Path, op.User,
			op.Server, op.Browser, op.Tab, short(op.Cookie), short(op.SetCookie), op.Outcome, op.Reason, op.Reply.List, op.Reply.Own, op.Reply.Last, op.Reply.Principal, e.forced)
	}
	return b.String()
}
