package conformance

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Routes that need a user.
var required = []testCase{
	{name: "NobodyIsRefused", run: nobodyIsRefused},
	{name: "SignedInPasses", run: signedInPasses},
	{name: "OldSignIn", run: oldSignIn},
	{name: "RedisGoneSilently", run: redisGoneBeforeUser},
	{name: "RotatedCookie", run: rotatedCookieOfUser},
	{name: "LoggedOutCookie", run: loggedOutCookie},
	{name: "NoneIsAMistake", run: noneIsAMistake},
	{name: "SessionIsFreeWhileRefused", run: freeWhileRefused},
	{name: "ChangesBeforeARefusal", run: changesBeforeRefusal},
	{name: "InnerMiddlewareChangesAccess", run: userAndInnerAccess},
	{name: "CookieThatIsDue", run: dueCookieOfRefused},
}

// private answers with the user, and counts its calls.
type private struct{ calls atomic.Int64 }

func (p *private) serve(x *Exchange) error {
	p.calls.Add(1)
	return who(x)
}

// guards are the places for a middleware that needs a user: the first one, and behind another.
func guards(c setting, within time.Duration) []setting {
	first, inner := c, c
	first.needsUser, first.within = true, within
	inner.inner, inner.onError = &App{NeedsUser: true, Within: within, OnError: c.onError}, nil
	return []setting{first, inner}
}

// door serves what nobody has to be signed in for.
func (r *rig) door() *site {
	return r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/login": logIn, "/logout": logOut, "/rotate": rotate, "/show": show("k"),
			"/again": func(x *Exchange) error {
				x.From().Reauthenticated()
				return nil
			},
		},
		options: session.Options{Timeout: time.Hour},
	})
}

// wantRefused checks what the answers to all refused requests have in common.
func (r *rig) wantRefused(a answer, status int) {
	r.Helper()
	r.wantStatus(a, status)
	r.wantNoCookie(a)
	r.wantVary(a, "Cookie")
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		r.Errorf("Cache-Control is %q, want no-store", got)
	}
}

func nobodyIsRefused(r *rig) {
	var asked atomic.Pointer[error]
	own := func(err error) (int, string) {
		asked.Store(&err)
		return http.StatusTeapot, "own page"
	}
	door := r.door()
	for _, onError := range []func(error) (int, string){nil, own} {
		var page private
		for _, c := range guards(setting{routes: Routes{"/": page.serve}, onError: onError}, 0) {
			s := r.serve(c)
			for _, b := range []*browser{s.browser(), s.as(door.visitor("/set"))} {
				a := b.get("/")
				if onError == nil {
					r.wantRefused(a, http.StatusUnauthorized)
				} else {
					r.wantRefused(a, http.StatusTeapot)
					r.wantBody(a, "own page")
					if err := asked.Swap(nil); err == nil || !errors.Is(*err, session.ErrNoPrincipal) {
						r.Errorf("the error handler did not get ErrNoPrincipal")
					}
				}
				if b.id != "" {
					r.wantUnlocked(b.id)
					r.wantBody(door.as(b).get("/show"), "v")
				}
			}
			if told := s.failures.all(); len(told) > 0 {
				r.Errorf("OnError was told %v", told)
			}
		}
		if page.calls.Load() > 0 {
			r.Errorf("the handler ran")
		}
	}
}

func signedInPasses(r *rig) {
	visitor := r.door().visitor("/login")
	page := private{}
	still := func(x *Exchange) error { return write(x, "the same for all users") }
	for _, within := range []time.Duration{0, time.Hour} {
		for _, c := range guards(setting{routes: Routes{"/": page.serve, "/still": still}}, within) {
			b := r.serve(c).as(visitor)
			r.wantBody(b.get("/"), "Ann")
			r.wantUnlocked(b.id)
			a := b.get("/still")
			r.wantStatus(a, http.StatusOK)
			r.wantVary(a, "Cookie") // others do not get this page
		}
	}
}

// A page that changes a password wants to have seen the old one a short time ago.
func oldSignIn(r *rig) {
	door, page := r.door(), private{}
	settings := guards(setting{routes: Routes{"/": page.serve}}, 5*time.Minute)
	old, recent := door.visitor("/login"), door.visitor("/login")
	r.pass(6 * time.Minute)
	recent.get("/again")
	for _, c := range settings {
		s := r.serve(c)
		a := s.as(old).get("/")
		r.wantRefused(a, http.StatusForbidden)
		r.wantUnlocked(old.id)
		r.wantBody(s.as(recent).get("/"), "Ann")
		r.wantRefused(s.browser().get("/"), http.StatusUnauthorized)
	}
	if n := page.calls.Load(); n != 2 {
		r.Errorf("the handler ran %d times, want 2", n)
	}
	for _, c := range guards(setting{routes: Routes{"/": page.serve}}, 0) {
		r.wantBody(r.serve(c).as(old).get("/"), "Ann")
	}
}

// While Redis is gone, nobody knows whether somebody has signed in. So nobody is sent to a login page.
func redisGoneBeforeUser(r *rig) {
	visitor, page := r.door().visitor("/login"), private{}
	for _, c := range guards(setting{routes: Routes{"/": page.serve}, options: session.Options{FailSilently: true}}, 0) {
		s := r.serve(c)
		b := s.as(visitor)
		s.wire.down.Store(true)
		a := b.get("/")
		r.wantUnavailable(a)
		r.wantVary(a, "Cookie")
		s.wire.down.Store(false)
		if page.calls.Swap(0) > 0 {
			r.Errorf("the handler ran")
		}
		s.wantLogged("session: begin:", 1, "/")
		// The lease may stay until its TTL ends.
		if err := r.look.Del(r.Context(), r.key(b.id, "Lock")).Err(); err != nil {
			r.Fatalf("DEL: %v", err)
		}
		r.wantBody(b.get("/"), "Ann")
		page.calls.Store(0)
	}
}

// The client has a newer cookie by now, and is signed in with that.
func rotatedCookieOfUser(r *rig) {
	door, page := r.door(), private{}
	b := door.visitor("/login")
	slow := b.also()
	b.get("/rotate")
	for _, c := range guards(setting{routes: Routes{"/": page.serve}}, 0) {
		s := r.serve(c)
		r.wantUnavailable(s.as(slow).get("/"))
		if page.calls.Swap(0) > 0 {
			r.Errorf("the handler ran")
		}
		r.wantBody(s.as(b).get("/"), "Ann")
		page.calls.Store(0)
	}
}

func loggedOutCookie(r *rig) {
	door, page := r.door(), private{}
	b := door.visitor("/login")
	old := b.also()
	b.get("/logout")
	for _, c := range guards(setting{routes: Routes{"/": page.serve}}, 0) {
		r.wantRefused(r.serve(c).as(old).get("/"), http.StatusUnauthorized)
	}
}

// A session that is not loaded has no user, whoever asks.
func noneIsAMistake(r *rig) {
	visitor, page := r.door().visitor("/login"), private{}
	for _, c := range guards(setting{routes: Routes{"/": page.serve}, rule: session.Always(session.None)}, 0) {
		s := r.serve(c)
		a := s.as(visitor).get("/")
		r.wantStatus(a, http.StatusInternalServerError)
		r.wantError(a)
		s.wantLogged("RequirePrincipal with None access", 1, "/")
	}
	if page.calls.Load() > 0 {
		r.Errorf("the handler ran")
	}
}

// An error page may take long. Nobody waits for it.
func freeWhileRefused(r *rig) {
	visitor, page := r.door().visitor("/set"), private{}
	for i := range 2 {
		answering := r.gate()
		s := r.serve(guards(setting{routes: Routes{"/": page.serve}, onError: func(error) (int, string) {
			answering.pass()
			return http.StatusTeapot, "own page"
		}}, 0)[i])
		started := s.as(visitor).start("/")
		answering.await()
		r.wantUnlocked(visitor.id)
		answering.open()
		r.wantStatus(visitor.finish(started), http.StatusTeapot)
	}
}

// What a middleware before has changed is saved, and above all its logout. If that fails, the answer
// says so.
func changesBeforeRefusal(r *rig) {
	door, page := r.door(), private{}
	serve := func(between func(s *session.Session)) *site {
		c := guards(setting{routes: Routes{"/": page.serve}}, 0)[1]
		c.between = between
		return r.serve(c)
	}
	b := serve(func(s *session.Session) { s.Set("k", "changed") }).as(door.visitor("/set"))
	r.wantStatus(b.get("/"), http.StatusUnauthorized)
	r.wantStored(b.id, "k", "changed")

	user := door.visitor("/set")
	user.get("/login")
	b = serve((*session.Session).Abandon).as(user)
	old := b.also()
	a := b.get("/")
	r.wantStatus(a, http.StatusUnauthorized)
	if a.cookie == nil || a.cookie.MaxAge >= 0 {
		r.Errorf("the cookie was not deleted")
	}
	r.wantStored(old.id, "k", "")
	r.wantRefused(old.get("/"), http.StatusUnauthorized)

	var s *site
	s = serve(func(held *session.Session) {
		held.Set("k", "lost")
		s.wire.down.Store(true)
	})
	b = s.as(door.visitor("/set"))
	r.wantUnavailable(b.get("/"))
	if page.calls.Load() > 0 {
		r.Errorf("the handler ran")
	}
}

// A middleware on a group may change the access of a session whose user was asked for before. Then it
// still needs a user: somebody may have ended the session in between.
func userAndInnerAccess(r *rig) {
	door, page := r.door(), private{}
	ended := ""
	var s *site
	s = r.serve(setting{
		routes: Routes{"/": page.serve, "/more": access}, access: map[string]session.Access{"/": session.ReadOnly, "/more": session.ReadOnly},
		needsUser: true,
		inner:     &App{Access: map[string]session.Access{}},
		between: func(*session.Session) {
			if ended == "" {
				return
			}
			if err := s.m.EndHandle(r.Context(), ended); err != nil {
				r.Errorf("EndHandle: %v", err)
			}
		},
	})
	b := s.as(door.visitor("/login"))
	r.wantBody(b.get("/more"), "Exclusive")
	r.wantBody(b.get("/"), "Ann")
	if told := s.failures.all(); len(told) > 0 {
		r.Errorf("OnError was told %v", told)
	}
	ended = handleOf(b.id)
	r.wantRefused(b.get("/"), http.StatusUnauthorized)
	if n := page.calls.Load(); n != 1 {
		r.Errorf("the handler ran %d times, want once", n)
	}
}

// A refusal is a response like any other: a cookie that is due for its age comes with it.
func dueCookieOfRefused(r *rig) {
	options := session.Options{Timeout: time.Hour, Cookie: session.Cookie{MaxAge: time.Hour}}
	visitor := r.serve(setting{routes: Routes{"/set": set("k", "v")}, options: options}).visitor("/set")
	for _, c := range guards(setting{routes: Routes{"/": who}, options: options}, 0) {
		b := r.serve(c).as(visitor)
		r.wantRefused(b.get("/"), http.StatusUnauthorized)
		r.pass(10 * time.Minute)
		a := b.get("/")
		r.wantStatus(a, http.StatusUnauthorized)
		if a.cookie == nil {
			r.Errorf("the cookie is not sent again")
		}
	}
}
