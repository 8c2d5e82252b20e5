package history

import (
	"slices"
	"testing"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

const other = "zzzhandleofothersessionxxx.secretother"

// two are the session of born, and another one with #50 in it.
func two() *Record {
	made := at(50, 0, 10, "/append", "", wire.Reply{New: true})
	made.SetCookie = other
	return born().with(made).noted(wire.Entry{Kind: "leave", Op: 50, At: 5, Handle: handleOf(other)})
}

func signedIn(n int, call, till int64, cookie, fresh, user string, l ...int) Op {
	return at(n, call, till, "/signin", cookie, list(l...)).but(func(o *Op) { o.SetCookie, o.User = fresh, user })
}

// Each of these is one promise that is not kept while all the others are, or that is kept in a way that looks odd.
func TestCheckOfEachPromise(t *testing.T) {
	t.Parallel()
	handle := handleOf(first)
	end := wire.Entry{Kind: "end", Handle: handle, Begun: 85, At: 90, Reason: "abandoned", List: []int{1}, OK: true}
	leaving := at(2, 20, 30, "/signout", first, wire.Reply{})
	ends := func(r *Record) *Record { r.TrackEnd = true; return r }
	stay := func(op int, begun, enter, leave int64) []wire.Entry {
		return []wire.Entry{
			{Kind: "enter", Op: op, At: enter, Begun: begun, Handle: handle, Locked: true, Server: "one"},
			{Kind: "leave", Op: op, At: leave, Handle: handle, Locked: true},
		}
	}
	both := func(a, b []wire.Entry) []wire.Entry { return append(a, b...) }
	for name, c := range map[string]struct {
		record *Record
		want   string
	}{
		"a read with one cookie that gets another session": {two().with(at(51, 20, 30, "/read", first, wire.Reply{Handle: handleOf(other), List: []int{50}})).
			noted(wire.Entry{Kind: "leave", Op: 51, At: 25, Handle: handleOf(other)}), "model"},
		"a peek with one cookie that gets another session": {two().with(at(51, 20, 30, "/peek", first, wire.Reply{Handle: handleOf(other), List: []int{50}})).
			noted(wire.Entry{Kind: "leave", Op: 51, At: 25, Handle: handleOf(other)}), "model"},
		"a read without a cookie that gets a session": {two().with(at(51, 20, 30, "/read", "", wire.Reply{Handle: handleOf(other), List: []int{50}})).
			noted(wire.Entry{Kind: "leave", Op: 51, At: 25, Handle: handleOf(other)}), "model"},
		"a logout of the session of somebody else": {two().with(at(51, 20, 30, "/signout", first, wire.Reply{Handle: handleOf(other)})).
			noted(wire.Entry{Kind: "leave", Op: 51, At: 25, Handle: handleOf(other)}), "model"},
		"an append with one cookie that gets another session": {two().with(at(51, 20, 30, "/append", first, wire.Reply{Handle: handleOf(other), List: []int{50}})).
			noted(wire.Entry{Kind: "leave", Op: 51, At: 25, Handle: handleOf(other)}), "model"},
		"a change that sees another user":                     {born().with(at(2, 20, 30, "/append", first, wire.Reply{List: []int{1}, Principal: "7"})), "model"},
		"a change that forgets the user":                      {born().with(signedIn(2, 20, 30, first, second, "0", 1), at(3, 40, 50, "/append", second, list(1, 2))), "model"},
		"a merge that sees another user":                      {born().with(at(2, 20, 30, "/shared", first, wire.Reply{Principal: "7"})), "model"},
		"two holders, the first renewed":                      {born().noted(both(stay(8, 100, 100, 350), stay(9, 240, 250, 360))...), "one holder"},
		"two holders, the first had waited":                   {born().noted(both(stay(8, 100, 210, 250), stay(9, 215, 220, 260))...), "one holder"},
		"two holders, the first is killed":                    {born().noted(wire.Entry{Kind: "enter", Op: 8, At: 100, Begun: 100, Handle: handle, Locked: true}).noted(stay(9, 110, 120, 160)...), "one holder"},
		"two holders, Redis stood still as the second waited": {born().noted(both(stay(8, 230, 240, 280), stay(9, 100, 250, 260))...).amid(120, 230), "one holder"},
		"two holders, another server stood still":             {born().noted(both(stay(8, 230, 240, 280), stay(9, 100, 250, 260))...).standing("other", 120, 240), "one holder"},
		"a holder that stood still before it entered":         {born().noted(both(stay(8, 230, 240, 280), stay(9, 100, 250, 260))...).standing("one", 120, 245), ""},
		"an end that has lost the data":                       {ends(born().with(leaving).noted(wire.Entry{Kind: "end", Handle: handle, Begun: 85, At: 90, Reason: "abandoned", NoData: true, OK: true})), "data of ends"},
		"an end handed out before the logout": {ends(born().with(leaving.but(func(o *Op) { o.Call, o.Return = 60, 70 })).
			noted(wire.Entry{Kind: "end", Handle: handle, Begun: 50, At: 90, Reason: "abandoned", List: []int{1}, OK: true})), "model"},
		"an end of a live session without data": {ends(born().with(at(2, 95, 99, "/read", first, list(1))).noted(wire.Entry{Kind: "end", Handle: handle, Begun: 85, At: 90, Reason: "abandoned", NoData: true, OK: true})), "data of ends"},
		"an end that two have at the same time, the first refuses": {ends(born().with(leaving).noted(
			wire.Entry{Kind: "end", Handle: handle, Begun: 40, At: 80, Reason: "abandoned", List: []int{1}},
			wire.Entry{Kind: "end", Handle: handle, Begun: 50, At: 60, Reason: "abandoned", List: []int{1}, OK: true})), "one end"},
		"a session that opens long after its time": {born().with(at(2, 9000, 9010, "/read", first, list(1))), "idle"},
		"a sign-in that ends the only other session, limit 2": {limit2(two().with(signedIn(60, 20, 30, first, second, "0", 1), signedIn(61, 40, 50, other, "zzzhandleofothersessionxxx.secretnew", "0", 50),
			at(62, 60, 70, "/read", second, wire.Reply{New: true}))), "model"},
		"EndOthers that ends nobody and then loses its lease": {two().with(signedIn(60, 20, 30, first, second, "0", 1), signedIn(61, 40, 50, other, "zzzhandleofothersessionxxx.secretnew", "0", 50),
			at(62, 60, 70, "/endothers", second, wire.Reply{Principal: "0", EndsDone: true, List: []int{1, 60}}),
			at(63, 80, 90, "/read", "zzzhandleofothersessionxxx.secretnew", wire.Reply{List: []int{50, 61}, Principal: "0"})), "model"},
		"EndAll that ends nobody": {born().with(signedIn(2, 20, 30, first, second, "0", 1), at(3, 40, 50, "/endall", "", wire.Reply{EndsDone: true}).but(func(o *Op) { o.User = "0" }),
			at(4, 60, 70, "/read", second, wire.Reply{List: []int{1, 2}, Principal: "0"})), "model"},
		"an unknown rotation whose value stays and whose old cookie opens": {born().with(at(2, 20, 30, "/rotate", first, list(1)).but(unknown), at(3, 40, 50, "/read", first, list(1, 2))), "model"},
		"a lost merge":                                           {born().with(at(2, 20, 30, "/shared", first, wire.Reply{}), at(3, 40, 50, "/read", first, list(1))), "model"},
		"a logout, and then a write":                             {born().with(leaving, at(3, 40, 50, "/append", first, list(1))), "model"},
		"a change of user that shows what the other had":         {born().with(signedIn(2, 20, 30, first, second, "0", 1), signedIn(3, 40, 50, second, handle+".secretthree", "1", 1, 2)), "model"},
		"a session that comes back after a logout":               {born().with(leaving, at(3, 40, 50, "/read", first, wire.Reply{Detached: true}), at(4, 60, 70, "/read", first, list(1))), "model"},
		"an unknown logout that comes late":                      {born().with(leaving.but(unknown), at(3, 40, 50, "/read", first, list(1)), at(4, 60, 70, "/read", first, wire.Reply{Detached: true})), ""},
		"an unknown rotation":                                    {born().with(at(2, 20, 30, "/rotate", first, list(1)).but(unknown), at(3, 40, 50, "/read", first, wire.Reply{Detached: true})), ""},
		"a new session with values":                              {born().with(at(51, 20, 30, "/read", "", wire.Reply{New: true, Handle: "zzzhandleofanewsessionxxxxx", List: []int{7}})), "model"},
		"a read without a cookie":                                {born().with(at(51, 20, 30, "/read", "", wire.Reply{New: true, Handle: "zzzhandleofanewsessionxxxxx"})), ""},
		"a killed holder, and one that comes after its lease":    {born().noted(wire.Entry{Kind: "enter", Op: 8, At: 100, Begun: 100, Handle: handle, Locked: true}).noted(stay(9, 210, 220, 260)...).amid(130, 150), ""},
		"a killed holder that had waited, and one that is early": {born().noted(wire.Entry{Kind: "enter", Op: 8, At: 200, Begun: 100, Handle: handle, Locked: true}).noted(stay(9, 210, 260, 280)...).amid(230, 240), "one holder"},
		"an end whose data another handler has had":              {ends(born().with(leaving).noted(end, wire.Entry{Kind: "end", Handle: handle, Begun: 95, At: 99, Reason: "unknown", NoData: true, OK: true})).amid(85, 99), ""},
		"an end without data of a session that was not saved": {ends(&Record{
			Timeout: 1000, LockTTL: 100, Ops: []Op{at(1, 0, 10, "/append", "", wire.Reply{}).but(unknown)},
			Journal: []wire.Entry{{Kind: "leave", Op: 1, At: 5, Handle: handle}, {Kind: "end", Handle: handle, Begun: 85, At: 90, Reason: "unknown", NoData: true, OK: true}},
		}), ""},
		"a sign-in that ends one of three, limit 2": {limit2(two().with(at(70, 0, 10, "/append", "", wire.Reply{New: true}).but(func(o *Op) { o.SetCookie = "yyyhandleofthirdsessionxxxx.secretthird" }),
			signedIn(60, 20, 30, first, second, "0", 1), signedIn(61, 40, 50, other, "zzzhandleofothersessionxxx.secretnew", "0", 50),
			signedIn(71, 52, 55, "yyyhandleofthirdsessionxxxx.secretthird", "yyyhandleofthirdsessionxxxx.secretfour", "0", 70), at(62, 60, 70, "/read", second, wire.Reply{New: true})).
			noted(wire.Entry{Kind: "leave", Op: 70, At: 5, Handle: "yyyhandleofthirdsessionxxxx"})), ""},
		"a sign-in, and what the user does then": {born().with(signedIn(2, 20, 30, first, second, "0", 1), at(3, 40, 50, "/append", second, wire.Reply{List: []int{1, 2}, Principal: "0"})), ""},
		"appends at the same time":               {born().with(at(2, 20, 50, "/append", first, list(1, 3)), at(3, 20, 50, "/append", first, list(1))), ""},
		"refused after a rotation": {born().with(at(2, 20, 30, "/rotate", first, list(1)).but(func(o *Op) { o.SetCookie = second }),
			at(3, 22, 40, "/shared", first, list()).but(func(o *Op) { o.Outcome, o.Reason = wire.Not, "commit ended" })), ""},
		"an end, then another try": {ends(born().with(leaving).noted(wire.Entry{Kind: "end", Handle: handle, Begun: 40, At: 50, Reason: "abandoned", List: []int{1}}, end)), ""},
	} {
		c.record.must(t, name, c.want)
	}
}

func limit2(r *Record) *Record { r.MaxPerPrincipal = 2; return r }

// amid has trouble with all servers in that time.
func (r *Record) amid(from, till int64) *Record {
	r.Troubles = append(r.Troubles, Window{At: from, Till: till})
	return r
}

// standing has one server stand still in that time.
func (r *Record) standing(server string, from, till int64) *Record {
	r.Troubles = append(r.Troubles, Window{Server: server, At: from, Till: till})
	return r
}

// Of what is found about one session by one check, one line is told, with the number of the others.
func TestFolded(t *testing.T) {
	t.Parallel()
	found := Folded([]Violation{{"twice", "a", "first"}, {"twice", "b", "second"}, {"twice", "a", "third"}, {"model", "a", "fourth"}, {"twice", "a", "fifth"}})
	want := []Violation{{"twice", "a", "first\n  and 2 more of this kind"}, {"twice", "b", "second"}, {"model", "a", "fourth"}}
	if !slices.Equal(found, want) {
		t.Errorf("got %q, want %q", found, want)
	}
}
