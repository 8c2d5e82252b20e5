package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/berthgo/berth/core/session"
)

var identity = []testCase{
	{name: "HandleStaysAndTheCookieDoesNot", run: handleStays},
	{name: "RotateKeepsValues", run: rotateKeepsValues},
	{name: "PlantedCookieIsWorthNothing", run: plantedCookie},
	{name: "RotatedCookieIsDetached", run: rotatedCookieIsDetached},
	{name: "RotationWhileAnotherWaits", run: rotationWhileAnotherWaits},
	{name: "RotatedCookieIsForgotten", run: rotatedCookieIsForgotten},
	{name: "AbandonEndsIt", run: abandonEndsIt},
	{name: "SetAfterLogoutIsANewSession", run: setAfterLogout},
	{name: "LogoutWaitsForNobody", run: logoutWaitsForNobody},
	{name: "LateLogoutDoesNotLogOutTheNextLogin", run: lateLogout},
	{name: "LateWriteDoesNotReachTheNextLogin", run: lateWrite},
	{name: "AbandonAfterTheFirstByte", run: abandonLate, needs: []Feature{Unbuffered}},
	{name: "EndInAStream", run: endInAStream},
	{name: "EndedByAnOperator", run: endedByOperator},
	{name: "OutageIsToldToWhoSignsInOrOut", run: outageIsTold},
}

// The handle names the session for life. The cookie is the credential, and changes.
func handleStays(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/login": logIn, "/rotate": rotate, "/handle": handle}})
	b := s.visitor("/set")
	first := b.get("/handle").body
	if first == "" || first != handleOf(b.id) {
		r.Fatalf("the handle is not the first half of the cookie")
	}
	for _, path := range []string{"/login", "/rotate"} {
		old := b.id
		b.get(path)
		if b.id == old {
			r.Errorf("after %s the cookie is the same", path)
		}
		r.wantBody(b.get("/handle"), first)
	}
}

func rotateKeepsValues(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/rotate": rotate}})
	b := s.visitor("/set")
	a := b.get("/rotate")
	r.wantBody(a, "done")
	if a.cookie == nil {
		r.Fatalf("Rotate gave no new cookie")
	}
	r.wantBody(b.get("/show"), "v")
	r.wantUnlocked(b.id)
}

// An attacker gives a victim the attacker's cookie. After the victim has logged in, that cookie is
// worth nothing.
func plantedCookie(r *rig) {
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/login": logIn, "/who": who, "/show": show("k"),
			"/read": who, "/share": set("k", "planted"), "/logout": logOut,
		},
		access: map[string]session.Access{"/read": session.ReadOnly, "/share": session.Shared, "/logout": session.Shared},
	})
	victim := s.visitor("/set")
	planted := victim.also()
	victim.get("/login")
	r.wantBody(planted.get("/who"), "")
	r.wantBody(planted.get("/read"), "")
	r.wantBody(planted.get("/show"), "-")
	planted.get("/share")
	planted.get("/logout")
	r.wantBody(victim.get("/who"), "Ann")
	r.wantBody(victim.get("/show"), "v")
}

// A slow parallel request still has the old cookie. It must not log the user out, and it must not
// reach the session.
func rotatedCookieIsDetached(r *rig) {
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/lose": set("k", "lost"), "/login": logIn, "/show": show("k"), "/logout": logOut,
		"/detached": func(x *Exchange) error {
			if x.From().Detached() {
				return write(x, "detached")
			}
			return write(x, "attached")
		},
	}})
	b := s.visitor("/set")
	slow := b.also()
	b.get("/login")
	for _, path := range []string{"/show", "/lose"} {
		a := slow.get(path)
		r.wantStatus(a, http.StatusOK)
		r.wantNoCookie(a)
	}
	r.wantBody(slow.get("/detached"), "detached")
	r.wantUnavailable(slow.get("/logout")) // to answer 200 would be a lie
	r.wantBody(b.get("/show"), "v")

	// Only a request that itself signs in gets a session, and a new one.
	a := slow.get("/login")
	if a.cookie == nil || handleOf(slow.id) == handleOf(b.id) {
		r.Errorf("a login with a rotated cookie gave no new session")
	}
}

// The waiter is in a server of its own. So Redis shows that it waits.
func rotationWhileAnotherWaits(r *rig) {
	holding := r.gate()
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/login": func(x *Exchange) error {
		holding.pass()
		return logIn(x)
	}}})
	b := s.visitor("/set")
	login := b.start("/login")
	holding.await()
	waiter := r.serve(setting{routes: Routes{"/lose": set("k", "lost")}}).browser()
	waiter.id = b.id
	waits := waiter.start("/lose")
	r.until("a request is in the queue", func() bool {
		return r.look.Exists(context.WithoutCancel(r.Context()), r.key(b.id, "Waiters")).Val() == 1
	})
	holding.open()
	r.wantStatus(b.finish(login), http.StatusOK)
	a := receive(r, "a response", waits)
	r.wantStatus(a, http.StatusOK)
	r.wantNoCookie(a)
	r.wantBody(b.get("/show"), "v")
	r.wantUnlocked(b.id)
}

// A minute after a rotation, the old cookie is an unknown cookie.
func rotatedCookieIsForgotten(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/set": set("k", "v"), "/lose": set("k", "lost"), "/rotate": rotate, "/show": show("k")},
		options: session.Options{Timeout: time.Hour},
	})
	b := s.visitor("/set")
	old := b.also()
	b.get("/rotate")
	r.pass(61 * time.Second)
	r.wantBody(old.get("/show"), "-")
	if a := old.get("/lose"); a.cookie == nil || handleOf(old.id) == handleOf(b.id) {
		r.Errorf("a rotated cookie gave no new session")
	}
	r.wantBody(b.get("/show"), "v")
}

func abandonEndsIt(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/logout": logOut}})
	b := s.visitor("/set")
	other := b.also()
	a := b.get("/logout")
	r.wantStatus(a, http.StatusOK)
	if a.cookie == nil || a.cookie.MaxAge >= 0 || a.cookie.Value != "" {
		r.Errorf("the cookie was not deleted")
	}
	r.wantStored(other.id, "k", "")
	r.wantBody(other.get("/show"), "-")
	a = other.get("/set")
	r.wantStatus(a, http.StatusOK)
	r.wantNoCookie(a)
	r.wantStored(other.id, "k", "")
	r.wantUnlocked(other.id)
}

// A message that is set after a logout does not go into the session that ended.
func setAfterLogout(r *rig) {
	s := r.serve(setting{routes: Routes{
		"/login": logIn, "/who": who, "/show": show("k"), "/message": show("message"),
		"/set": set("k", "v"),
		"/logout": func(x *Exchange) error {
			x.From().Abandon()
			x.From().Set("message", "goodbye")
			return nil
		},
	}})
	b := s.visitor("/set")
	b.get("/login")
	old := b.also()
	a := b.get("/logout")
	r.wantStatus(a, http.StatusOK)
	if a.cookie == nil || a.cookie.MaxAge < 0 || handleOf(b.id) == handleOf(old.id) {
		r.Fatalf("what was set after the logout is in no new session")
	}
	r.wantBody(b.get("/message"), "goodbye")
	r.wantBody(b.get("/show"), "-")
	r.wantBody(b.get("/who"), "")
	r.wantBody(old.get("/message"), "-")
}

// A logout with Shared access does not wait for a slow request, and wins over it.
func logoutWaitsForNobody(r *rig) {
	slow := r.gate()
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/logout": logOut, "/show": show("k"), "/slow": func(x *Exchange) error {
			x.From().Set("k", "slow")
			slow.pass()
			return write(x, "done")
		}},
		access: map[string]session.Access{"/logout": session.Shared},
	})
	b := s.visitor("/set")
	other := b.also()
	started := other.start("/slow")
	slow.await()
	r.wantStatus(b.get("/logout"), http.StatusOK)
	if b.id != "" {
		r.Errorf("the cookie was not deleted")
	}
	slow.open()
	r.wantUnavailable(other.finish(started))
	r.wantStored(other.id, "k", "")
	r.wantBody(other.get("/show"), "-")
}

// A request that began before a login must not end the session of that login, nor write to it.
// It is told that it did not.
func lateLogout(r *rig) { acrossALogin(r, logOut) }
func lateWrite(r *rig)  { acrossALogin(r, set("k", "late")) }

func acrossALogin(r *rig, late Handler) {
	slow := r.gate()
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/login": logIn, "/show": show("k"), "/slow": func(x *Exchange) error {
			slow.pass()
			return late(x)
		}},
		access: map[string]session.Access{"/slow": session.Shared},
	})
	b := s.visitor("/set")
	started := b.also().start("/slow")
	slow.await()
	b.get("/login")
	slow.open()
	r.wantUnavailable(receive(r, "a response", started))
	r.wantBody(b.get("/show"), "v")
}

// After the first byte it is too late to delete the cookie. It is not too late to end the session.
func abandonLate(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/logout": func(x *Exchange) error {
		if err := write(x, "goodbye"); err != nil {
			return err
		}
		x.From().Abandon()
		return nil
	}}})
	b := s.visitor("/set")
	a := b.get("/logout")
	r.wantStatus(a, http.StatusOK)
	r.wantBody(a, "goodbye")
	r.wantNoCookie(a)
	r.wantStored(b.id, "k", "")
	r.wantBody(b.get("/show"), "-")
	if !slices.ContainsFunc(s.failures.all(), func(err error) bool { return errors.Is(err, session.ErrSealed) }) {
		r.Errorf("OnError was not told that the cookie stays")
	}
}

// In a stream, which may go on after the middleware, Manager.End ends the session at once.
func endInAStream(r *rig) {
	var s *site
	s = r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/stream": func(x *Exchange) error {
		id := x.From().ID()
		x.Stream(func(w io.Writer, flush func() error) {
			_ = flush()
			if err := s.m.End(r.Context(), id); err != nil {
				_, _ = io.WriteString(w, err.Error())
			}
			_, _ = io.WriteString(w, "goodbye")
		})
		return nil
	}}})
	b := s.visitor("/set")
	r.wantBody(b.get("/stream"), "goodbye")
	r.wantStored(b.id, "k", "")
	r.wantBody(b.get("/show"), "-")
}

// Somebody else has ended the client's session. The client gets a new session at once, and may ask
// why.
func endedByOperator(r *rig) {
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/login": logIn, "/show": show("k"), "/new": set("k", "new"),
		"/why": func(x *Exchange) error { return write(x, string(x.From().PreviousEnd())) },
	}})
	b := s.visitor("/set")
	r.wantBody(b.get("/why"), "")
	b.get("/login")
	old := b.also()
	if n, err := s.m.EndAll(r.Context(), "Ann"); n != 1 || err != nil {
		r.Fatalf("EndAll ended %d sessions (%v), want 1", n, err)
	}
	r.wantBody(b.get("/why"), string(session.Operator))
	r.wantBody(b.get("/show"), "-")
	a := b.get("/new")
	r.wantStatus(a, http.StatusOK)
	if a.cookie == nil || handleOf(b.id) == handleOf(old.id) {
		r.Fatalf("there is no new session")
	}
	r.wantBody(b.get("/show"), "new")
	r.wantBody(b.get("/why"), "")
	r.wantStored(old.id, "k", "")
}

// FailSilently hides an outage. But nobody may believe that they are logged in, or out, if they are
// not.
func outageIsTold(r *rig) {
	var s *site
	during := func(h Handler) Handler {
		return func(x *Exchange) error {
			s.wire.down.Store(true)
			return h(x)
		}
	}
	s = r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/show": show("k"), "/who": who,
			"/login": logIn, "/logout": logOut, "/rotate": rotate,
			"/login-late": during(logIn), "/logout-late": during(logOut), "/rotate-late": during(rotate),
		},
		access:  map[string]session.Access{"/logout": session.Shared, "/logout-late": session.Shared},
		options: session.Options{FailSilently: true},
	})
	b := s.visitor("/set")
	for _, path := range []string{"/login", "/logout", "/rotate", "/login-late", "/logout-late", "/rotate-late"} {
		s.wire.down.Store(path[len(path)-5:] != "-late")
		r.wantUnavailable(b.get(path))
		s.wire.down.Store(false)
		// The rollback did not reach Redis. So the lease may stay until its TTL ends.
		if err := r.look.Del(r.Context(), r.key(b.id, "Lock")).Err(); err != nil {
			r.Fatalf("DEL: %v", err)
		}
		r.wantBody(b.get("/show"), "v")
		r.wantBody(b.get("/who"), "")
	}
	s.wire.down.Store(true)
	a := s.browser().get("/logout") // a client without a session is logged out
	r.wantStatus(a, http.StatusOK)
	r.wantNoCookie(a)
}
