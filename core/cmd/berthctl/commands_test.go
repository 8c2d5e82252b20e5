package main

import (
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestLook(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	m := r.Manager(rig.Tracked(aside))
	ann, visitor := rig.SignIn(t, m, "ann", "cart", "secret-apple"), rig.Saved(t, m, "page", "secret-page")
	planted := rig.NewID()
	evil := rig.SignIn(t, m, "\x1b[31mred\n\u202e"+planted, planted, 1)
	gone := rig.SignIn(t, m, "bob")
	putAside(t, m, gone)
	c := at(t, r)

	var all strings.Builder
	run := func(args ...string) string {
		t.Helper()
		out, err := c.run(exitDone, args...)
		all.WriteString(out + err)
		return out
	}
	list := run("ls")
	want(t, list, "HANDLE", rig.HandleOf(ann), rig.HandleOf(visitor), `\u001b[31mred\u000a\u202e`)
	wantNot(t, list, rig.HandleOf(gone), "\x1b")
	if n := strings.Count(list, "\n"); n != 4 {
		t.Errorf("ls prints %d lines:\n%s", n, list)
	}
	of := run("of", "ann")
	want(t, of, rig.HandleOf(ann), "ann\n")
	wantNot(t, of, rig.HandleOf(visitor))
	if got := run("of", "nobody"); strings.Count(got, "\n") != 1 {
		t.Errorf("of nobody: %q", got)
	}
	want(t, run("show", rig.HandleOf(ann)), "handle     "+rig.HandleOf(ann), "user       ann", "of 1m0s", "held       by no request", "values     cart")
	want(t, run("show", rig.HandleOf(evil)), "values     "+rig.HandleOf(planted)+".…")
	run("show", rig.HandleOf(evil), "--json")
	want(t, run("aside"), rig.HandleOf(gone), "operator", "bob")

	holder := rig.Begin(t, m, ann, session.Exclusive)
	defer holder.Rollback(t.Context())
	want(t, run("show", rig.HandleOf(ann)), "held       for ", ", by process ")
	want(t, run("stats"), "sessions             3\n", "signed in            2, of 2 users\n", "held by a request    1\n", rig.HandleOf(ann), "ends tracked         3\n", "ends kept aside      1\n")

	stats := c.objects("stats")[0]
	if stats["sessions"] != 3.0 || stats["users"] != 2.0 || stats["held"] != 1.0 || stats["endsAside"] != 1.0 || stats["longestHeld"] != rig.HandleOf(ann) {
		t.Errorf("stats are %v", stats)
	}
	if got := c.objects("ls"); len(got) != 3 {
		t.Errorf("ls --json prints %v", got)
	}
	one := c.objects("show", rig.HandleOf(ann))[0]
	if one["principal"] != "ann" || one["timeoutMs"] != 60000.0 || len(one["heldBy"].(string)) != 16 || one["names"].([]any)[0] != "cart" {
		t.Errorf("show --json prints %v", one)
	}
	if got := c.objects("aside"); len(got) != 1 || got[0]["handle"] != rig.HandleOf(gone) || got[0]["attempts"] != 1.0 {
		t.Errorf("aside --json prints %v", got)
	}
	for _, id := range []string{ann, visitor, evil, gone, planted} {
		wantNot(t, all.String(), id, id[27:], rig.Proof(id), "secret-")
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	m := r.Manager(rig.Tracked(aside))
	one, two, bob := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "bob")
	replayed, dropped := rig.SignIn(t, m, "carl"), rig.SignIn(t, m, "carl")
	putAside(t, m, replayed)
	putAside(t, m, dropped)
	c := at(t, r)

	// Nobody is there to confirm, or says no.
	dangerous := [][]string{{"end", rig.HandleOf(bob)}, {"end-all", "bob"}, {"drop", rig.HandleOf(dropped)}}
	for _, args := range dangerous {
		_, said := c.run(exitUnwilling, args...)
		want(t, said, "--yes", "nothing was changed")
	}
	c.asks = true
	for _, c.typed = range []string{"", "\n", "n\n", "no\n", "yesterday\n"} {
		for _, args := range dangerous {
			_, said := c.run(exitUnwilling, args...)
			want(t, said, "[y/N]")
		}
	}
	if _, err := m.EndAside(t.Context(), rig.HandleOf(dropped)); err != nil || !rig.Lives(t, m, bob) {
		t.Fatalf("something was changed (%v)", err)
	}

	c.typed = "y\n"
	out, _ := c.run(exitDone, "end", rig.HandleOf(one))
	if out != "ended\n" || rig.Lives(t, m, one) || !rig.Lives(t, m, two) {
		t.Errorf("end prints %q, or ended the wrong session", out)
	}
	_, asked := c.run(exitDone, "end-all", "ann")
	want(t, asked, "ann, now 1?")
	c.asks = false
	if rig.Lives(t, m, two) || !rig.Lives(t, m, bob) {
		t.Error("end-all ended the wrong sessions")
	}
	if out, _ := c.run(exitDone, "end-all", "bob", "--yes"); out != "ended 1\n" {
		t.Errorf("end-all prints %q", out)
	}
	if got := c.objects("replay", rig.HandleOf(replayed)); got[0]["done"] != "replayed" {
		t.Errorf("replay prints %v", got)
	}
	c.run(exitDone, "--yes", "drop", rig.HandleOf(dropped))
	for _, command := range []string{"end", "show", "replay", "drop"} {
		_, said := c.run(exitUnknown, command, rig.HandleOf(dropped), "--yes")
		want(t, said, "no session of that ID or handle")
	}
	var h rig.Endings
	rig.HandleEnds(t, m, h.Handle)
	rig.Until(t, "the replayed end is handled", func() bool { return h.Times()[rig.HandleOf(replayed)] == 1 })
	if h.Times()[rig.HandleOf(dropped)] != 0 {
		t.Error("the dropped end was handled")
	}
}

// berthctl does not know whether the application tracks ends, and does the right thing.
func TestEndOfWhatIsNotTracked(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	m := r.Manager(session.Options{})
	id := rig.SignIn(t, m, "ann")
	at(t, r).run(exitDone, "end", rig.HandleOf(id), "--yes")
	if rig.Lives(t, m, id) || r.Indexed() != 0 {
		t.Errorf("it lives, or %d ends are tracked", r.Indexed())
	}
}

// Sessions that cannot be read are listed, and can be ended.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	m := r.Manager(session.Options{})
	id := rig.SignIn(t, m, "ann")
	if err := r.Client.HSet(t.Context(), r.Key(id, "Data"), "_berth", "9 of a later berth").Err(); err != nil {
		t.Fatal(err)
	}
	c := at(t, r)
	out, _ := c.run(exitDone, "ls")
	want(t, out, rig.HandleOf(id)+"  session: list: ")
	out, _ = c.run(exitDone, "stats")
	want(t, out, "unreadable           1\n")
	c.run(exitFailed, "show", rig.HandleOf(id))
	c.run(exitDone, "end", rig.HandleOf(id), "--yes")
}

func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	c := &terminalOf{t: t, env: map[string]string{"REDIS_PORT": "1", "SESSION_APP": "shop"}}
	for _, args := range [][]string{{"stats"}, {"ls"}, {"of", "ann"}, {"show", rig.HandleOf(rig.NewID())}, {"aside"}} {
		_, said := c.run(exitFailed, args...)
		want(t, said, "berthctl: ", "127.0.0.1:1", "refused")
	}
	out, _ := c.run(exitFailed, "doctor")
	want(t, out, "bad   reach ", "127.0.0.1:1", "docs/configuration.md")
}
