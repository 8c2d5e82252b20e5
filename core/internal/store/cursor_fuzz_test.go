package store

import "testing"

// A cursor comes from a URL. One that no page has is an error, and any other comes back as it was.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add("10.0.0.1:6379/42")
	f.Add("/18446744073709551615")
	f.Add("a/b/c")
	f.Fuzz(func(t *testing.T, cursor string) {
		masters := []*Master{{Addr: "10.0.0.1:6379"}, {Addr: "10.0.0.2:6379"}, {Addr: ""}}
		at, position, err := parseCursor(masters, cursor)
		if err != nil {
			return
		}
		again, same, err := parseCursor(masters, formatCursor(masters[at], position))
		if err != nil || masters[again].Addr != masters[at].Addr && cursor != "" || same != position {
			t.Errorf("%q is %d of %q, and then %d of %q (%v)", cursor, position, masters[at].Addr, same, masters[again].Addr, err)
		}
	})
}
