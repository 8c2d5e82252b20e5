package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// What is set after Abandon goes into a new session, and the client gets its cookie.
func TestSetAfterAbandon(t *testing.T) {
	for _, access := range []session.Access{session.Exclusive, session.Shared} {
		t.Run(access.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{})
				old := signIn(t, m, "ann")
				s := begin(t, m, old, access)
				s.Set("before", 1)
				s.Abandon()
				if s.Len() != 0 || s.Principal() != "" || !s.IsNew() || s.ID() != "" || !s.CreatedAt().IsZero() {
					t.Error("it is not a new session")
				}
				s.Set("goodbye", "ann")
				if err := s.Finish(t.Context()); err != nil {
					t.Fatal(err)
				}
				headers := headersOf(s)
				if cookie := headers.Get("Set-Cookie"); !strings.HasPrefix(cookie, "session="+s.ID()+";") || len(headers["Set-Cookie"]) != 1 {
					t.Errorf("the response has %d cookies", len(headers["Set-Cookie"]))
				}
				v := view(t, m, s.ID())
				if v.Handle() == handleOf(old) || v.Len() != 1 || get[string](t, v, "goodbye") != "ann" || v.Principal() != "" {
					t.Errorf("the new session has %v", v.Keys())
				}
				if lives(t, m, old) || len(handles(t, m, "ann")) != 0 || r.Exists(r.Key(old, "Lock")) {
					t.Error("the old session is not gone")
				}
			})
		})
	}
}

// If only the new session cannot be saved, the logout has succeeded, and OnError hears of the
// rest.
func TestAbandonSucceedsWithoutTheRest(t *testing.T) {
	for name, rest := range map[string]struct {
		value any
		fault step
	}{
		"not encodable": {func() {}, pass},
		"refused":       {1, refuse},
		"reply lost":    {1, lose},
	} {
		for _, silently := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					told := 0
					m, f := r.Faulty(session.Options{FailSilently: silently, Hooks: session.Hooks{
						OnError: func(context.Context, error) { told++ },
					}})
					r.WarmUpOnly(m)
					id := saved(t, m)
					s := begin(t, m, id, session.Exclusive)
					s.Abandon()
					s.Set("goodbye", rest.value)
					f.Then(pass, rest.fault)
					commit(t, s)
					if cookie := headersOf(s).Get("Set-Cookie"); !strings.Contains(cookie, "Max-Age=0") || told != 1 {
						t.Errorf("the cookie is %q, told %d times", cookie, told)
					}
					if lives(t, m, id) {
						t.Error("the session lives")
					}
				})
			})
		}
	}
}

// A logout needs no lease: it does not wait for who holds the session, and one whose lease was
// lost ends the session all the same.
func TestAbandonNeedsNoLease(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		held := begin(t, m, id, session.Exclusive)
		s := begin(t, m, id, session.Shared)
		s.Abandon()
		commit(t, s)
		held.Set("n", 2)
		wantErr(t, held.Commit(ctx), session.ErrEnded)
		if lives(t, m, id) {
			t.Error("the session lives")
		}

		id = saved(t, m, "n", 1)
		s = begin(t, m, id, session.Exclusive)
		if err := r.Client.Set(ctx, r.Key(id, "Lock"), strings.Repeat("t", 28), time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		s.Abandon()
		commit(t, s)
		if lives(t, m, id) {
			t.Error("the session lives")
		}
	})
}

// A logout says success only if the session is gone: one that another request has rotated since
// is not.
func TestAbandonAfterARotation(t *testing.T) {
	for _, silently := range []bool{false, true} {
		t.Run(fmt.Sprintf("FailSilently %t", silently), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				ctx := context.Background()
				m := r.Manager(session.Options{FailSilently: silently, LockTTL: time.Second, LockHold: time.Second})
				for _, access := range []session.Access{session.Exclusive, session.Shared} {
					id := saved(t, m, "n", 1)
					s := begin(t, m, id, access)
					time.Sleep(5 * time.Second) // the lease is lost
					next := rotate(t, m, id)
					s.Abandon()
					s.Set("goodbye", 1)
					wantErr(t, s.Commit(ctx), session.ErrEnded)
					s.Rollback(ctx)
					if len(headersOf(s)) != 0 || !lives(t, m, next) {
						t.Errorf("%v: %v", access, headersOf(s))
					}
				}
			})
		})
	}
}

// Whoever abandons what others have ended meanwhile has what he wants; but as his client may have a
// new cookie by now, it gets none from this request.
func TestAbandonAfterOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		told := 0
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(context.Context, error) { told++ }}})
		for name, end := range map[string]func(id string){
			"abandoned": func(id string) { s := begin(t, m, id, session.Shared); s.Abandon(); commit(t, s) },
			"ended":     func(id string) { _ = m.End(context.Background(), id) },
			"expired":   func(string) { time.Sleep(time.Hour) },
		} {
			told = 0
			id := saved(t, m)
			s := begin(t, m, id, session.Shared)
			end(id)
			s.Abandon()
			commit(t, s)
			if len(headersOf(s)) != 0 || told != 0 {
				t.Errorf("%s: %v, told %d times", name, headersOf(s), told)
			}
			id = saved(t, m)
			s = begin(t, m, id, session.Shared)
			end(id)
			s.Abandon()
			s.Set("goodbye", 1)
			commit(t, s)
			if len(headersOf(s)) != 0 || told != 1 {
				t.Errorf("%s: %v, told %d times", name, headersOf(s), told)
			}
		}
	})
}

// After the first byte it is too late for the cookie: that is reported, and Rollback ends the
// session.
func TestAbandonAfterTheCommit(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var told []error
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) { told = append(told, err) }}})
		for name, start := range map[string]func() *session.Session{
			"new":       func() *session.Session { return begin(t, m, "", session.Exclusive) },
			"exclusive": func() *session.Session { return begin(t, m, saved(t, m), session.Exclusive) },
			"shared":    func() *session.Session { return begin(t, m, saved(t, m), session.Shared) },
			"rotated": func() *session.Session {
				s := begin(t, m, saved(t, m), session.Exclusive)
				s.Rotate()
				return s
			},
		} {
			told = nil
			s := start()
			s.Set("n", 1)
			commit(t, s)
			s.Abandon()
			s.Abandon()
			if !lives(t, m, s.ID()) || len(told) == 0 || !errors.Is(told[0], session.ErrSealed) {
				t.Errorf("%s: told %v", name, told)
			}
			s.Rollback(ctx)
			s.Rollback(ctx)
			if lives(t, m, s.ID()) {
				t.Errorf("%s: lives", name)
			}
		}
	})
}

// A visitor without a session who abandons succeeds, also in an outage.
func TestAbandonOfNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{FailSilently: true})
		f.Then(refuse)
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.Abandon()
		commit(t, s)
		if f.Used() || len(headersOf(s)) != 0 {
			t.Error("it made a call, or a cookie")
		}
	})
}

// A logout after the first byte must come true once Redis is back, however long that takes.
func TestLateAbandonSurvivesAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, on := r.Matching(session.Options{LockTTL: time.Second})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		commit(t, s)
		s.Abandon()
		on.Each("", refuse)
		s.Rollback(ctx)
		time.Sleep(10 * time.Minute)
		on.Each("", pass)
		time.Sleep(2 * time.Second)
		if lives(t, m, id) {
			t.Error("the session lives on")
		}
	})
}

// A logout by SetPrincipal("") while Redis is gone must not be silent either.
func TestSilentSignOutByPrincipal(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{FailSilently: true})
		warmUp(t, m)
		id := signIn(t, m, "ann")
		f.Then(refuse)
		s := begin(t, m, id, session.Exclusive)
		if !s.Detached() {
			t.Fatal("not detached")
		}
		s.SetPrincipal("")
		if err := s.Commit(ctx); err == nil {
			t.Errorf("the sign-out succeeded, and the session still belongs to %q", view(t, m, id).Principal())
		}
	})
}

// Nor while another request has rotated the ID: the session goes on.
func TestSignOutAfterARotation(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := signIn(t, m, "ann")
		rotate(t, m, id)
		s := begin(t, m, id, session.Exclusive)
		s.SetPrincipal("")
		wantErr(t, s.Commit(context.Background()), session.ErrEnded)
	})
}

// Where Rollback was called already, as in a stream that runs after the middleware, Abandon ends the
// session by itself.
func TestAbandonAfterRollback(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) { told = append(told, err) }}})
		s := begin(t, m, saved(t, m), session.Exclusive)
		commit(t, s)
		s.Rollback(context.Background()) // as the middleware defers; a Fiber stream writer runs after it
		s.Abandon()
		time.Sleep(10 * time.Second)
		if lives(t, m, s.ID()) {
			t.Error("told that the session ends, and it lives")
		}
	})
}

// With FailSilently, after a commit whose failure was hidden, Abandon ends the session too.
func TestAbandonAfterAHiddenFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{FailSilently: true})
		r.WarmUpOnly(m)
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 1)
		f.Then(refuse)
		commit(t, s) // hidden
		s.Abandon()
		s.Rollback(ctx)
		time.Sleep(10 * time.Second)
		if err := s.Commit(ctx); err == nil && lives(t, m, id) {
			t.Error("Abandon, Commit and Rollback say nothing, and the session lives")
		} else if lives(t, m, id) {
			t.Errorf("the session lives (%v)", err)
		}
	})
}

// Nobody is signed in in silence, after Abandon neither.
func TestSignInAfterAbandonIsLoud(t *testing.T) {
	for _, silently := range []bool{false, true} {
		inner := func(t *testing.T, r *rig) {
			m, on := r.Matching(session.Options{FailSilently: silently})
			r.WarmUpOnly(m)
			id := signIn(t, m, "ann")
			s := begin(t, m, id, session.Exclusive)
			s.Abandon()
			s.SetPrincipal("bob")
			on.Each("bob", refuse)
			err := s.Commit(context.Background())
			if err == nil && s.ID() == "" {
				t.Errorf("Commit is nil, Principal is %q, and nobody is signed in", s.Principal())
			}
		}
		t.Run(map[bool]string{true: "silently", false: "loudly"}[silently], func(t *testing.T) { inBubble(t, inner) })
	}
}

// Whoever logs out twice, as by a double click, is told the same twice, and nothing is reported.
func TestLogoutTwice(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		failures := 0
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(context.Context, error) { failures++ }}})
		id := saved(t, m)
		for range 2 {
			s := begin(t, m, id, session.Shared)
			s.Abandon()
			commit(t, s)
		}
		if failures != 0 {
			t.Errorf("%d failures", failures)
		}
		s := begin(t, m, id, session.Shared)
		s.Set("flash", "bye")
		s.Abandon()
		commit(t, s)
		if failures != 1 {
			t.Errorf("what was set before Abandon is lost without a report")
		}
	})
}

// A client with several cookies is signed out of all their sessions, or its next request would be signed
// in again.
func TestAbandonWithSeveralCookies(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		m, on := r.Matching(session.Options{})
		first, second, third := saved(t, m), saved(t, m), saved(t, m)
		stolen := handleOf(third) + session.NewID()[26:]
		request := http.Header{"Cookie": {"session=" + session.NewID() + "; session=" + first + "; session=" + second + "; session=" + stolen}}
		s, err := m.Adapter().Begin(ctx, session.Request{Headers: request}, session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		s.Abandon()
		on.Arm(r.Key(second, "Data"), refuse)
		if s.Commit(ctx) == nil {
			t.Error("success, though a session of the client lives")
		}
		commit(t, s)
		for name, id := range map[string]string{"first": first, "second": second} {
			if s := begin(t, m, id, session.ReadOnly); !s.Detached() {
				t.Errorf("the %s session lives", name)
			}
		}
		if s := begin(t, m, third, session.ReadOnly); s.ID() != third {
			t.Error("a session has ended whose secret the client does not have")
		}
	})
}
