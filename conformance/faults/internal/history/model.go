package history

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
		if !opens || op.Outcome == wire.Done && s.user != op.Reply.Principal {
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
		if s.phase == live && (x.Reason != "expired" || !r.expired(s, x.Begun)) {
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
	if op.Outcome == wire.Done && s.user != op.Reply.Principal {
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
