package session_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A handler that rolls back a logout, or an end that it was told of, hears that it did not happen.
func TestRolledBackLogoutIsNoSuccess(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		for name, change := range map[string]func(ctx context.Context, s *session.Session){
			"logout": func(_ context.Context, s *session.Session) { s.Abandon() },
			"EndAll": func(ctx context.Context, _ *session.Session) {
				if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil {
					t.Errorf("ended %d: %v", n, err)
				}
			},
		} {
			id := signIn(t, m, "ann")
			s := begin(t, m, id, session.Exclusive)
			change(session.NewContext(t.Context(), s), s)
			s.Rollback(t.Context())
			if err := s.Finish(t.Context()); err == nil {
				t.Errorf("%s: Finish says that it happened", name)
			}
			if err := m.End(t.Context(), id); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		s := begin(t, m, saved(t, m), session.Exclusive)
		s.Set("n", 1)
		s.SetPrincipal("bob")
		s.Rollback(t.Context())
		if err := s.Finish(t.Context()); err != nil {
			t.Errorf("a sign-in that the handler took back: %v", err)
		}
	})
}

// ChangeAccess discards nothing that was done before, and finds the live one of several sessions.
func TestChangeAccessKeepsWhatWasDone(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Shared)
		ctx := session.NewContext(t.Context(), s)
		if _, err := m.EndAll(ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := m.Adapter().ChangeAccess(ctx, session.Exclusive); err == nil {
			t.Error("the end of the session is forgotten")
		}
		commit(t, s)
		if lives(t, m, id) {
			t.Error("the session lives")
		}

		live := saved(t, m, "n", 1)
		request := session.Request{Headers: http.Header{"Cookie": {"session=" + session.NewID() + "; session=" + live}}}
		outer, err := m.Adapter().Begin(t.Context(), request, session.None)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Adapter().ChangeAccess(session.NewContext(t.Context(), outer), session.Exclusive); err != nil || outer.ID() != live {
			t.Errorf("from None it is another session: %v", err)
		}
		outer.Rollback(t.Context())
	})
}

// A request that was given up while ChangeAccess waits holds nothing afterwards.
func TestChangeAccessAfterTheRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m)
		holder := begin(t, m, id, session.Exclusive)
		s := begin(t, m, id, session.ReadOnly)
		ctx := session.NewContext(context.Background(), s)
		changed := make(chan error)
		go func() { changed <- m.Adapter().ChangeAccess(ctx, session.Exclusive) }()
		time.Sleep(time.Second)
		commit(t, s)
		commit(t, holder)
		if err := <-changed; err == nil {
			t.Error("changed")
		}
		time.Sleep(time.Second)
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("a lease is left")
		}
	})
}

// A reader's cookie is not sent again once another request has rotated the ID: that would undo a login.
func TestOldCookieIsNotSentAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Hour, Cookie: session.Cookie{MaxAge: time.Hour}})
		id := saved(t, m)
		time.Sleep(10 * time.Minute)
		reader, late := begin(t, m, id, session.ReadOnly), begin(t, m, id, session.ReadOnly)
		if err := reader.Finish(t.Context()); err != nil || headersOf(reader).Get("Set-Cookie") == "" {
			t.Errorf("a reader's cookie is not sent again: %v", err)
		}
		s := begin(t, m, id, session.Exclusive)
		s.SetPrincipal("ann")
		commit(t, s)
		time.Sleep(time.Second)
		if err := late.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h := headersOf(late); len(h) != 0 {
			t.Error("the old cookie is sent after the login")
		}
	})
}
