package session_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// An inspection has all that an operator asks, touches nothing, and waits for no lease.
func TestInspect(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		for _, o := range []session.Options{{}, tracked()} {
			m, other := r.Manager(o), r.Manager(o)
			id := signIn(t, m, "ann", "b", "secret", "a", 1)

			i, err := m.Inspect(ctx, handleOf(id))
			if err != nil || i.Handle != handleOf(id) || i.Principal != "ann" || i.CreatedAt.IsZero() || i.AuthenticatedAt.IsZero() {
				t.Fatalf("inspection is %v (%v)", i, err)
			}
			if !slices.Equal(i.Names, []string{"a", "b"}) || i.Session.Len() != 0 {
				t.Errorf("names are %q, and %d values are loaded", i.Names, i.Session.Len())
			}
			if i.HeldBy != "" || i.HeldHere || i.HeldFor != 0 || i.Timeout == 0 || i.Left <= 0 || i.Size == 0 {
				t.Errorf("held by %q, timeout %v, left %v, size %d", i.HeldBy, i.Timeout, i.Left, i.Size)
			}

			holder := begin(t, m, id, session.Exclusive)
			held, err := m.Inspect(ctx, handleOf(id), "a", "missing")
			elsewhere, err2 := other.Inspect(ctx, handleOf(id))
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			if len(held.HeldBy) != 16 || !held.HeldHere || elsewhere.HeldBy != held.HeldBy || elsewhere.HeldHere || held.HeldFor <= 0 {
				t.Errorf("held by %q for %v, here: %t, elsewhere: %t", held.HeldBy, held.HeldFor, held.HeldHere, elsewhere.HeldHere)
			}
			if get[int](t, held.Session, "a") != 1 || held.Session.Len() != 1 {
				t.Errorf("%d values are loaded", held.Session.Len())
			}
			holder.Rollback(ctx)

			if err := m.EndHandle(ctx, handleOf(id)); err != nil {
				t.Fatal(err)
			}
			_, err = m.Inspect(ctx, handleOf(id))
			wantErr(t, err, session.ErrUnknown)
		}
	})
}

func TestInspectionTouchesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Minute})
		id := saved(t, m)
		for range 2 {
			time.Sleep(29 * time.Second)
			if _, err := m.Inspect(t.Context(), handleOf(id)); err != nil {
				t.Fatal(err)
			}
			if _, err := m.SessionPage(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		_, err := m.Inspect(t.Context(), handleOf(id))
		wantErr(t, err, session.ErrUnknown)
	})
}

// What is not a handle never reaches Redis.
func TestInspectWhatIsNoHandle(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		id := saved(t, m)
		f.Then(refuse)
		for _, handle := range []string{"", "*", id, "<b>", "}_Data", strings.Repeat("a", 10_000), "ä", strings.ToUpper(handleOf(id))} {
			_, err := m.Inspect(t.Context(), handle)
			wantErr(t, err, session.ErrUnknown)
			_, err = m.EndAside(t.Context(), handle)
			wantErr(t, err, session.ErrUnknown)
		}
		if f.Used() {
			t.Error("Redis was asked")
		}
	})
}

// A session that cannot be read, or is forged, can be seen and ended.
func TestInspectUnreadable(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}})
		strange, forged, sound := signIn(t, m, "ann"), signIn(t, m, "ann"), signIn(t, m, "ann")
		facts := func(id, text string) {
			if err := r.Client.HSet(ctx, r.Key(id, "Data"), "_berth", text).Err(); err != nil {
				t.Fatal(err)
			}
		}
		facts(strange, "9 of a later berth")
		facts(forged, strings.Replace(r.HGet(forged, "_berth"), " ann", " root", 1))

		i, err := m.Inspect(ctx, handleOf(strange))
		var failed *session.OpError
		if !errors.As(err, &failed) || i.Handle != handleOf(strange) || i.Session == nil || i.Names != nil {
			t.Errorf("unreadable: %v, %v", i, err)
		}
		i, err = m.Inspect(ctx, handleOf(forged))
		wantErr(t, err, session.ErrForged)
		if i.Handle != handleOf(forged) || i.Principal != "" {
			t.Errorf("forged: %v", i)
		}
		page, err := m.SessionPage(ctx, "")
		if err != nil || len(page.Sessions) != 1 || page.Sessions[0].Handle != handleOf(sound) || page.Next != "" {
			t.Fatalf("page is %v (%v)", page, err)
		}
		got := map[string]error{}
		for _, u := range page.Unreadable {
			got[u.Handle] = u.Err
		}
		if len(got) != 2 || !errors.As(got[handleOf(strange)], &failed) || !errors.Is(got[handleOf(forged)], session.ErrForged) {
			t.Errorf("unreadable are %v", got)
		}
		if err := i.End(ctx); err != nil {
			t.Errorf("forged session: %v", err)
		}
	})
}

// The pages have every session that lives all the time, and cursors are safe to take from a client.
func TestSessionPages(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		saved(t, r.Manager(session.Options{App: r.App + "-other"}))
		want := map[string]bool{}
		for i := range 300 {
			want[handleOf(saved(t, m, "n", i))] = true
		}
		got := map[string]bool{}
		pages, cursor := 0, ""
		for ; pages == 0 || cursor != ""; pages++ {
			page, err := m.SessionPage(ctx, cursor, "n")
			if err != nil || len(page.Unreadable) > 0 {
				t.Fatalf("page %d: %v, unreadable: %v", pages, err, page.Unreadable)
			}
			if len(page.Sessions) > 200 && r.Mini == nil { // miniredis does not count
				t.Errorf("page %d has %d sessions", pages, len(page.Sessions))
			}
			for _, info := range page.Sessions {
				got[info.Handle] = true
				_ = get[int](t, info.Session, "n")
			}
			cursor = page.Next
		}
		if !maps.Equal(got, want) {
			t.Errorf("found %d sessions, want %d", len(got), len(want))
		}
		if pages < 2 && r.Mini == nil {
			t.Errorf("all of them on %d page", pages)
		}
		for _, cursor := range []string{"x", "-1", "127.0.0.1:1/0", "/", "/x", "18446744073709551616", strings.Repeat("1", 10_000)} {
			_, err := m.SessionPage(ctx, cursor)
			wantErr(t, err, session.ErrCursor)
		}
		if _, single := r.Client.(*redis.Client); single && r.Mini == nil {
			if _, err := m.SessionPage(ctx, strconv.FormatUint(1<<63, 10)); err != nil {
				t.Errorf("a cursor that nobody gave: %v", err)
			}
		}
	})
}

// An end that is kept aside is found by its handle, and counted.
func TestEndAside(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(tracked(func(o *session.Options) { o.EndAttempts = 1; o.EndSweep = 10 * time.Millisecond }))
		id, live := signIn(t, m, "ann", "n", 1), saved(t, m)
		before := time.Now()
		counts, err := m.CountEnds(ctx)
		if err != nil || counts.Tracked != 2 || counts.Aside != 0 || counts.Next.Before(before) || counts.Next.After(before.Add(2*time.Minute)) {
			t.Errorf("counts are %+v (%v)", counts, err)
		}
		_, err = m.EndAside(ctx, handleOf(id))
		wantErr(t, err, session.ErrUnknown)

		h := endings{Fail: func(session.Ended) error { return errors.New("no") }}
		stop := handleEnds(t, m, h.Handle)
		if err := m.EndHandle(ctx, handleOf(id)); err != nil {
			t.Fatal(err)
		}
		until(t, "it is put aside", func() bool { return m.Stats().EndsAside == 1 })
		stop()
		e, err := m.EndAside(ctx, handleOf(id))
		if err != nil || e.Principal != "ann" || e.Reason != session.Operator || e.Attempt != 1 || get[int](t, e.Session, "n") != 1 {
			t.Errorf("aside is %v (%v)", e, err)
		}
		if counts, err := m.CountEnds(ctx); err != nil || counts.Tracked != 1 || counts.Aside != 1 {
			t.Errorf("counts are %+v (%v)", counts, err)
		}
		_, err = m.EndAside(ctx, handleOf(live))
		wantErr(t, err, session.ErrUnknown)

		if err := r.Client.HSet(ctx, r.Key(id, "Ended"), "_berth", "9 of a later berth").Err(); err != nil {
			t.Fatal(err)
		}
		e, err = m.EndAside(ctx, handleOf(id))
		var failed *session.OpError
		if !errors.As(err, &failed) || e.Handle != handleOf(id) || e.Principal != "" {
			t.Errorf("unreadable: %v (%v)", e, err)
		}
	})
}

func TestInspectWhenRedisFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		m, f := r.Faulty(session.Options{})
		handle := handleOf(saved(t, m))
		calls := map[string]func() (string, error){
			"Inspect":     func() (string, error) { i, err := m.Inspect(ctx, handle); return i.Handle, err },
			"SessionPage": func() (string, error) { p, err := m.SessionPage(ctx, ""); return p.Next, err },
			"EndAside":    func() (string, error) { e, err := m.EndAside(ctx, handle); return e.Handle, err },
			"CountEnds":   func() (string, error) { _, err := m.CountEnds(ctx); return "", err },
		}
		for name, call := range calls {
			f.Then(refuse)
			got, err := call()
			var failed *session.OpError
			if !errors.As(err, &failed) || got != "" {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for name, call := range calls {
			if _, err := call(); !errors.Is(err, session.ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
	})
}
