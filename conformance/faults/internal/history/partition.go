package history

import (
	"cmp"
	"math"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

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
		if fresh != "" && (answered || e.forced) && saves(op.Path) {
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
			case op.Path == "/signin" && r.MaxPerPrincipal > 0 && users[handle][op.User] && cmp.Or(made[op.N], by) != handle && r.crowded(op, handle, made):
				e.kind = crowd
				add(handle, e)
			}
		}
	}
	return parts
}

// crowded tells whether so many other sessions of the user may live at a sign-in, with the one that signs in,
// that the session of handle is over the limit. All that have ever signed in before may live.
func (r *Record) crowded(signIn *Op, handle string, made map[int]string) bool {
	others := map[string]bool{}
	for _, op := range r.Ops {
		before := signIn.Outcome != wire.Done || op.Call < signIn.Return
		if other := cmp.Or(made[op.N], handleOf(op.Cookie)); op.Path == "/signin" && op.User == signIn.User && before && other != handle {
			others[other] = true
		}
	}
	return len(others) >= r.MaxPerPrincipal
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
		return e.entry.Begun, e.entry.Begun // it has the data from then on
	}
	switch {
	case e.op.SetCookie != "" && (e.kind == create || e.kind == change):
		return e.op.Call, e.op.Return // the commit comes before the cookie
	case e.op.Outcome == wire.Unknown:
		return e.op.Call, math.MaxInt64
	case e.kind == endAll && !e.op.Reply.EndsDone, e.kind == crowd && e.op.Outcome != wire.Done:
		return e.op.Call, math.MaxInt64
	}
	return e.op.Call, e.op.Return
}
