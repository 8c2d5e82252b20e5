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

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// What an event does to the session of its partition. A request can be several events: one for the
// session whose cookie it sent, one for the session that it has made, one for others that it ends.
type kind int

const (
	create   kind = iota
	change        // append, after a rotation or a sign-in if there is one
	merge         // a field of its own
	read          // list and fields
	leave         // the session is abandoned
	endAll        // whoever belongs to the user ends
	crowd         // another sign-in of the user may end this session
	vanished      // the server knew no such session
	detached      // the cookie was rotated away, or the session has ended
	refused       // changes were not written, because of the same
	ended         // the handler of its end has got the session
)

func (k kind) String() string {
	return [...]string{"create", "change", "merge", "read", "leave", "end all", "crowd", "vanished", "detached", "refused", "ended"}[k]
}

// event is an operation as the session sees it.
type event struct {
	kind   kind
	op     *Op
	entry  *wire.Entry // of an end
	n      int
	rotate bool // also if the secret is not known
	signIn bool
	forced bool // it is known to have happened
}

// state is a session in the model. It has no pointers, so that states can be compared.
type state struct {
	phase  phase
	list   string
	own    string // sorted
	last   int    // of the Shared requests
	proof  string // the newest cookie; "?" and a number if its response was lost
	turned int    // how often the cookie has changed
	user   string
	since  int64 // when the sign-in had returned
	used   int64 // when the last request began
}

type phase int

const (
	absent phase = iota
	live
	gone
)

func text(list []int) string {
	var b strings.Builder
	for _, n := range list {
		b.WriteString(strconv.Itoa(n))
		b.WriteByte(' ')
	}
	return b.String()
}

func with(own string, n int) string {
	parts := append(strings.Fields(own), strconv.Itoa(n))
	slices.SortFunc(parts, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return cmp.Compare(x, y)
	})
	return strings.Join(parts, " ") + " "
}

// step returns the states that an event can lead to, none if it cannot have happened.
func (r *Record) step(s state, e event) []any {
	op, n := e.op, e.n
	keeps, ends := s, s
	ends.phase = gone
	opens := op != nil && s.phase == live && s.proof == op.Cookie
	if op != nil {
		keeps.used = max(keeps.used, op.Call)
	}
	switch e.kind {
	case create:
		if s.phase != absent {
			return nil
		}
		made := state{phase: live, proof: op.SetCookie, user: op.Reply.Principal, since: op.Return, used: op.Call}
		if made.proof == "" {
			made.proof = "?" + strconv.Itoa(n)
		}
		if e.signIn {
			made.user = op.User
		}
		if op.Path == "/shared" {
			made.own, made.last = with("", n), n
		} else {
			made.list = text([]int{n})
		}
		return one(made)
	case change:
		return r.change(s, keeps, e)
	case merge:
		if !opens {
			return nil
		}
		keeps.own, keeps.last = with(keeps.own, n), n
		return one(keeps)
	case read:
		if !opens || s.list != text(op.Reply.List) || s.own != text(op.Reply.Own) || s.last != op.Reply.Last || s.user != op.Reply.Principal {
			return nil
		}
		if op.Path == "/peek" {
			keeps = s
		}
		return one(keeps)
	case leave:
		switch {
		case s.phase == gone:
			return one(s)
		case op.Outcome == wire.Unknown && opens:
			return []any{s, ends}
		case op.Outcome == wire.Unknown:
			return one(s)
		case opens:
			return one(ends)
		case s.phase == live && r.expired(s, op.Return):
			return one(ends)
		}
		return nil
	case endAll:
		switch {
		case s.phase != live || s.user != op.User:
			return one(s)
		case op.Reply.EndsDone && op.Outcome != wire.Unknown && s.since < op.Call:
			return one(ends)
		}
		return []any{s, ends}
	case crowd:
		if s.phase != live || s.user != op.User {
			return one(s)
		}
		return []any{s, ends}
	case vanished:
		switch {
		case s.phase != live:
			return one(s)
		case r.expired(s, op.Return):
			return one(ends)
		case s.proof != op.Cookie && s.turned >= 8: // more than Redis remembers
			return one(s)
		}
		return nil
	case detached:
		if s.phase == gone || s.phase == live && s.proof != op.Cookie {
			return one(s)
		}
		return nil
	case refused:
		switch {
		case s.phase == gone, s.phase == live && s.proof != op.Cookie:
			return one(s)
		case s.phase == live && r.expired(s, op.Return):
			return one(ends)
		}
		return nil
	case ended:
		x := e.entry
		if s.phase == absent || s.list != text(x.List) || s.own != text(x.Own) || s.last != x.Last || s.user != x.Principal {
			return nil
		}
		if s.phase == live && (x.Reason != "expired" || !r.expired(s, x.At)) {
			return nil
		}
		return one(ends)
	}
	panic(fmt.Sprint("no such event: ", e.kind))
}

// change is a request that holds the lease and appends.
func (r *Record) change(s, after state, e event) []any {
	op := e.op
	if s.phase != live || s.proof != op.Cookie {
		if op.Outcome == wire.Unknown && !e.forced {
			return one(s)
		}
		return nil
	}
	if e.signIn && op.User != s.user {
		if s.user != "" {
			after.list, after.own, after.last = "", "", 0
		}
		after.user, after.since = op.User, op.Return
		e.rotate = true
	}
	if op.Outcome == wire.Done && after.list != text(op.Reply.List) {
		return nil
	}
	after.list += text([]int{e.n})
	if e.rotate {
		after.proof = op.SetCookie
		after.turned++
		if after.proof == "" {
			if op.Outcome == wire.Done {
				return nil // the client must get the new cookie
			}
			after.proof = "?" + strconv.Itoa(e.n)
		}
	} else if op.Outcome == wire.Done && op.SetCookie != "" {
		return nil
	}
	if op.Outcome == wire.Unknown && !e.forced {
		return []any{s, after}
	}
	return one(after)
}

// expired tells whether nobody has used the session for its timeout, or the driver has ended it.
func (r *Record) expired(s state, now int64) bool {
	return now-s.used >= r.Timeout || r.Forced != 0 && now >= r.Forced
}

func one(s state) []any { return []any{s} }

// checkTime is how long porcupine may look at one session.
const checkTime = 10 * time.Second

// partitions returns what happened to each session.
func (r *Record) partitions() map[string][]porcupine.Operation {
	seen := r.seen()
	parts := map[string][]porcupine.Operation{}
	users := map[string]map[string]bool{} // who may have been signed in to a session
	client := 0
	add := func(handle string, e event) {
		if handle == "" {
			return
		}
		from, till := e.at()
		parts[handle] = append(parts[handle], porcupine.Operation{ClientId: client, Input: e, Call: from, Return: till})
		client++
	}
	belongs := func(handle, user string) {
		if users[handle] == nil {
			users[handle] = map[string]bool{}
		}
		users[handle][user] = true
	}
	made := r.made()
	for i := range r.Ops {
		op := &r.Ops[i]
		own, fresh := handleOf(op.Cookie), made[op.N]
		e := event{op: op, n: op.N, rotate: op.Path == "/rotate" && op.Outcome != wire.Not, signIn: op.Path == "/signin", forced: seen[op.N]}
		answered := op.Outcome == wire.Done
		if fresh != "" && (answered || e.forced) && op.Path != "/signout" && op.Path != "/read" && op.Path != "/peek" && op.Path != "/endall" {
			x := e
			x.kind = create
			add(fresh, x)
			if e.signIn {
				belongs(fresh, op.User)
			}
		}
		if e.signIn {
			belongs(own, op.User)
		}
		switch {
		case own == "" || op.Path == "/endall":
		case op.Outcome == wire.Not:
			if strings.HasSuffix(op.Reason, " ended") {
				e.kind = refused
				add(own, e)
			}
		case answered && op.Reply.Outage:
		case answered && op.Reply.Detached:
			e.kind = detached
			add(own, e)
		case answered && op.Reply.New:
			e.kind = vanished
			add(own, e)
		case fresh != "" && fresh != own: // nobody knows, but it was a new one
		case op.Path == "/signout":
			e.kind = leave
			add(own, e)
		case op.Path == "/read" || op.Path == "/peek":
			if answered {
				e.kind = read
				add(own, e)
			}
		case op.Path == "/shared":
			e.kind = merge
			if answered || e.forced {
				add(own, e)
			}
		case answered || e.forced || e.rotate || e.signIn:
			e.kind = change
			add(own, e)
		}
	}
	for handle, ends := range r.ends() {
		for i := range ends {
			if !ends[i].NoData {
				add(handle, event{kind: ended, entry: &ends[i]})
			}
		}
	}
	for handle := range parts {
		for i := range r.Ops {
			op := &r.Ops[i]
			by := handleOf(op.Cookie)
			e := event{op: op, n: op.N}
			switch {
			case op.Path == "/endall" && users[handle][op.User]:
				e.kind = endAll
				add(handle, e)
			case op.Path == "/endothers" && by != handle && len(users[handle]) > 0:
				for user := range users[handle] {
					if users[by][user] && (op.Outcome != wire.Done || op.Reply.Principal == user) {
						x := *op
						x.User = user
						add(handle, event{kind: endAll, op: &x, n: op.N})
					}
				}
			case op.Path == "/signin" && r.MaxPerPrincipal > 0 && users[handle][op.User] && cmp.Or(made[op.N], by) != handle:
				e.kind = crowd
				add(handle, e)
			}
		}
	}
	return parts
}

// made returns the handles of sessions that requests have made, or may have, by operation. Where the reply
// was lost, the journal says which.
func (r *Record) made() map[int]string {
	sent := map[int]string{}
	for _, op := range r.Ops {
		sent[op.N] = handleOf(op.Cookie)
	}
	made := map[int]string{}
	for _, e := range r.Journal {
		if e.Kind == "leave" && e.Handle != "" && e.Handle != sent[e.Op] {
			made[e.Op] = e.Handle
		}
	}
	return made
}

// at returns when an event was, as far as is known. One without a known outcome may take effect at any
// time.
func (e event) at() (from, till int64) {
	if e.entry != nil {
		return e.entry.At, e.entry.At
	}
	switch {
	case e.op.Outcome == wire.Unknown:
		return e.op.Call, math.MaxInt64
	case e.kind == endAll && !e.op.Reply.EndsDone, e.kind == crowd && e.op.Outcome != wire.Done:
		return e.op.Call, math.MaxInt64
	}
	return e.op.Call, e.op.Return
}

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
			found = append(found, Violation{"model", "a session that nobody has made: " + handle + "\n" + r.tell(history)})
			continue
		}
		switch porcupine.CheckOperationsTimeout(model, history, checkTime) {
		case porcupine.Illegal:
			found = append(found, Violation{"model", "no order explains session " + handle + ":\n" + r.tell(history)})
		case porcupine.Unknown:
			undecided++
		}
	}
	return found, undecided
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
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
