package history

import (
	"slices"
	"testing"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

const (
	first  = "handleofasessionxxxxxxxxxx.secretone"
	second = "handleofasessionxxxxxxxxxx.secrettwo"
)

// at makes an operation that was done.
func at(n int, call, till int64, path, cookie string, reply wire.Reply) Op {
	return Op{N: n, Call: call, Return: till, Path: path, Cookie: cookie, Outcome: wire.Done, Reply: reply}
}

// born is a session with #1 in it.
func born() *Record {
	made := at(1, 0, 10, "/append", "", wire.Reply{New: true})
	made.SetCookie = first
	return &Record{
		Timeout: 1000, LockTTL: 100, Ops: []Op{made},
		Journal: []wire.Entry{{Kind: "leave", Op: 1, At: 5, Handle: handleOf(first)}},
	}
}

func (r *Record) with(ops ...Op) *Record {
	r.Ops = append(r.Ops, ops...)
	return r
}

func (r *Record) noted(entries ...wire.Entry) *Record {
	r.Journal = append(r.Journal, entries...)
	return r
}

func (o Op) but(change func(*Op)) Op {
	change(&o)
	return o
}

func unknown(o *Op) { o.Outcome, o.Reply = wire.Unknown, wire.Reply{} }

func list(n ...int) wire.Reply { return wire.Reply{List: n} }

// What may happen is no violation. What must not happen is found, by the check that is named.
func TestCheck(t *testing.T) {
	t.Parallel()
	handle := handleOf(first)
	rotated := at(2, 20, 30, "/rotate", first, list(1)).but(func(o *Op) { o.SetCookie = second })
	end := wire.Entry{Kind: "end", Handle: handle, Begun: 85, At: 90, Reason: "abandoned", List: []int{1}, OK: true}
	leaving := at(2, 20, 30, "/signout", first, wire.Reply{})
	ends := func(r *Record) *Record { r.TrackEnd = true; return r }
	for name, c := range map[string]struct {
		record *Record
		want   string // the check that finds it, "" if all is well
	}{
		"appends":                           {born().with(at(2, 20, 30, "/append", first, list(1)), at(3, 40, 50, "/read", first, list(1, 2))), ""},
		"an append that is lost":            {born().with(at(2, 20, 30, "/append", first, list(1)), at(3, 40, 50, "/read", first, list(1))), "model"},
		"an append that is there twice":     {born().with(at(2, 20, 30, "/append", first, list(1)), at(3, 40, 50, "/read", first, list(1, 2, 2))), "twice"},
		"an unknown append that comes late": {born().with(at(2, 20, 30, "/append", first, list()).but(unknown), at(3, 40, 50, "/read", first, list(1)), at(4, 60, 70, "/read", first, list(1, 2))), ""},
		"an unknown append that is gone":    {born().with(at(2, 20, 30, "/append", first, list()).but(unknown), at(3, 40, 50, "/read", first, list(1, 2)), at(4, 60, 70, "/read", first, list(1))), "model"},
		"a failed append that was written": {born().with(at(2, 20, 30, "/append", first, list()).but(func(o *Op) { o.Outcome, o.Reason = wire.Not, "commit lock_lost" }),
			at(3, 40, 50, "/read", first, list(1, 2))), "model"},
		"a rotation": {born().with(rotated, at(3, 40, 50, "/read", second, list(1, 2)), at(4, 60, 70, "/read", first, wire.Reply{Detached: true})), ""},
		"a response that fails, with the new cookie": {born().with(rotated.but(unknown), at(3, 40, 50, "/read", second, list(1, 2))), ""},
		"a new cookie of nothing":                    {born().with(rotated.but(unknown), at(3, 40, 50, "/read", first, list(1))), "model"},
		"an old cookie that opens":                   {born().with(rotated, at(3, 40, 50, "/read", first, list(1, 2))), "model"},
		"a new cookie that does not open":            {born().with(rotated, at(3, 40, 50, "/read", second, wire.Reply{New: true})), "model"},
		"a logout":                                   {born().with(leaving, at(3, 40, 50, "/read", first, wire.Reply{Detached: true})), ""},
		"a logout that leaves somebody in":           {born().with(leaving, at(3, 40, 50, "/read", first, list(1))), "model"},
		"an idle session that is gone":               {born().with(at(2, 2000, 2010, "/read", first, wire.Reply{New: true})), ""},
		"a used session that is gone":                {born().with(at(2, 500, 510, "/read", first, list(1)), at(3, 1100, 1110, "/read", first, wire.Reply{New: true})), "model"},
		"an end":                                     {ends(born().with(leaving).noted(end)), ""},
		"an end that nobody handles":                 {ends(born().with(leaving)), "every end"},
		"an end that was refused":                    {ends(born().with(leaving).noted(wire.Entry{Kind: "end", Handle: handle, Begun: 70, At: 80, Reason: "abandoned", List: []int{1}}, end)), ""},
		"an end without the last value":              {ends(born().with(at(2, 11, 12, "/append", first, list(1)), leaving.but(func(o *Op) { o.N = 3 })).noted(end)), "model"},
		"an end that is handled twice":               {ends(born().with(leaving).noted(end, end)), "one end"},
		"an end by one that stood still and another": {ends(stopped(born().with(leaving).noted(end, wire.Entry{Kind: "end", Server: "slow", Handle: handle, Begun: 50, At: 95, Reason: "abandoned", List: []int{1}, OK: true}))), ""},
		"an end of a live session":                   {ends(born().with(at(2, 95, 99, "/read", first, list(1))).noted(end)), "model"},
		"two that hold a session":                    {born().noted(entered(8, 100), entered(9, 150), left(8, 160), left(9, 170)), "one holder"},
		"one that stood still for too long":          {stopped(born()).noted(entered(8, 100), entered(9, 250), left(8, 260), left(9, 270)), ""},
		"one holder after the other":                 {born().noted(entered(8, 100), left(8, 140), entered(9, 150), left(9, 170)), ""},
		"a failure without a fault":                  {calm(born().with(at(2, 20, 30, "/read", first, list()).but(unknown))), "calm"},
		"another user who takes the session":         {born().with(at(2, 20, 30, "/read", first, wire.Reply{List: []int{1}, Principal: "0"})), "model"},
	} {
		c.record.must(t, name, c.want)
	}
}

// must checks that a record has no violation, or that the check which is named finds one.
func (r *Record) must(t *testing.T, name, want string) {
	t.Helper()
	found, undecided := r.Check()
	var checks []string
	for _, v := range found {
		checks = append(checks, v.Check)
	}
	if undecided != 0 || (want == "") != (len(found) == 0) || want != "" && !slices.Contains(checks, want) {
		t.Errorf("%s: found %v, want %q", name, found, want)
	}
}

// stopped has a server that stood still, and one without a name that did later.
func stopped(r *Record) *Record {
	r.Troubles = []Window{{Server: "slow", At: 60, Till: 80}, {At: 110, Till: 245}}
	return r
}

func calm(r *Record) *Record {
	r.Calm = true
	return r
}

func entered(op int, at int64) wire.Entry {
	return wire.Entry{Kind: "enter", Op: op, At: at, Begun: at, Handle: handleOf(first), Locked: true}
}

func left(op int, at int64) wire.Entry {
	return wire.Entry{Kind: "leave", Op: op, At: at, Handle: handleOf(first), Locked: true}
}
