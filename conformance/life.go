package conformance

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/berthgo/berth/core/session"
)

var life = []testCase{
	{name: "CreateReadChange", run: createReadChange},
	{name: "SavedWithoutACall", run: savedWithoutACall},
	{name: "UntouchedIsNotSaved", run: untouchedIsNotSaved},
	{name: "IdleTimeoutSlides", run: idleTimeoutSlides},
	{name: "LifetimeEndsABusySession", run: lifetimeEndsABusySession},
	{name: "SlowRequestDoesNotReviveLogout", run: slowRequestDoesNotReviveLogout},
	{name: "SlowRequestDoesNotReviveExpired", run: slowRequestDoesNotReviveExpired},
	{name: "EndingTouchesOnlyItsOwnKeys", run: endingTouchesOnlyItsOwnKeys},
}

func createReadChange(r *rig) {
	s := r.serve(setting{routes: Routes{
		"/increment": increment,
		"/delete":    func(x *Exchange) error { x.From().Delete("n"); return nil },
		"/cart": func(x *Exchange) error {
			cart, err := session.Get[map[string]int](x.From(), "cart")
			if err != nil {
				x.From().Set("cart", map[string]int{"apple": 1})
				return nil
			}
			cart["apple"]++ // changed in place
			return nil
		},
	}})
	b := s.browser()
	for _, want := range []string{"1", "2", "3"} {
		a := b.get("/increment")
		r.wantStatus(a, http.StatusOK)
		r.wantBody(a, want)
	}
	r.wantStored(b.id, "n", "3")
	b.get("/cart")
	b.get("/cart")
	r.wantStored(b.id, "cart", `{"apple":2}`)
	b.get("/delete")
	r.wantStored(b.id, "n", "")
	r.wantBody(b.get("/increment"), "1")
	r.wantUnlocked(b.id)
	if other := s.browser(); other.get("/increment").body != "1" || other.id == b.id {
		r.Errorf("two browsers share a session")
	}
}

// Forgetting to save is the classic mistake with gorilla/sessions.
func savedWithoutACall(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k")}})
	b := s.visitor("/set")
	r.wantBody(b.get("/show"), "v")
}

func untouchedIsNotSaved(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/nothing": func(*Exchange) error { return nil }}})
	for _, path := range []string{"/show", "/nothing"} {
		a := s.browser().get(path)
		r.wantStatus(a, http.StatusOK)
		r.wantNoCookie(a)
	}
	if keys := r.keys(); len(keys) > 0 {
		r.Errorf("Redis has %v", keys)
	}
}

func idleTimeoutSlides(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/set": set("k", "v"), "/show": show("k"), "/read": show("k")},
		options: session.Options{Timeout: time.Hour},
		access:  map[string]session.Access{"/read": session.ReadOnly},
	})
	b := s.visitor("/set")
	for _, path := range []string{"/show", "/read", "/show"} {
		r.pass(40 * time.Minute)
		r.wantBody(b.get(path), "v")
	}
	r.pass(61 * time.Minute)
	r.wantBody(b.get("/show"), "-")
	old := b.id
	b.get("/set")
	if handleOf(b.id) == handleOf(old) {
		r.Errorf("an expired session is back")
	}
}

func lifetimeEndsABusySession(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/increment": increment},
		options: session.Options{Timeout: time.Hour, MaxLifetime: 2 * time.Hour},
	})
	b := s.browser()
	for _, want := range []string{"1", "2", "3"} {
		r.wantBody(b.get("/increment"), want)
		r.pass(45 * time.Minute)
	}
	r.wantBody(b.get("/increment"), "1")
}

func slowRequestDoesNotReviveLogout(r *rig) {
	for _, access := range []session.Access{session.Shared, session.Exclusive} {
		slow := r.gate()
		s := r.serve(setting{
			routes: Routes{
				"/set": set("k", "v"), "/show": show("k"),
				"/slow": func(x *Exchange) error {
					x.From().Set("k", "slow")
					slow.pass()
					return write(x, "done")
				},
			},
			access: map[string]session.Access{"/slow": access},
		})
		b := s.visitor("/set")
		id := b.id
		started := b.start("/slow")
		slow.await()
		if err := s.m.End(r.Context(), id); err != nil {
			r.Fatalf("End: %v", err)
		}
		slow.open()
		r.wantUnavailable(b.finish(started))
		r.wantStored(id, "k", "")
		r.wantBody(b.get("/show"), "-")
	}
}

// Some stores bring back half of the session here: the fields of the late request.
func slowRequestDoesNotReviveExpired(r *rig) {
	for _, access := range []session.Access{session.Shared, session.Exclusive} {
		slow := r.gate()
		s := r.serve(setting{
			routes: Routes{"/set": set("k", "v"), "/slow": func(x *Exchange) error {
				x.From().Set("late", "v")
				slow.pass()
				return nil
			}},
			access: map[string]session.Access{"/slow": access},
		})
		b := s.visitor("/set")
		started := b.start("/slow")
		slow.await()
		if err := r.look.Del(r.Context(), r.key(b.id, "Data")).Err(); err != nil {
			r.Fatalf("DEL: %v", err)
		}
		slow.open()
		r.wantUnavailable(b.finish(started))
		if keys := r.keys(); slices.Contains(keys, r.key(b.id, "Data")) {
			r.Errorf("Redis has %d keys: the session is back", len(keys))
		}
	}
}

func endingTouchesOnlyItsOwnKeys(r *rig) {
	ctx := r.Context()
	foreign := []string{"other-" + r.app, "{" + r.app + "x_abc}_Data"}
	for _, key := range foreign {
		if err := r.look.Set(ctx, key, "theirs", time.Hour).Err(); err != nil {
			r.Fatalf("SET: %v", err)
		}
	}
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/logout": logOut, "/show": show("k")}})
	bystander := s.visitor("/set")
	s.visitor("/set").get("/logout")
	if err := s.m.End(context.WithoutCancel(ctx), s.visitor("/set").id); err != nil {
		r.Errorf("End: %v", err)
	}
	for _, key := range foreign {
		if r.look.Get(ctx, key).Val() != "theirs" {
			r.Errorf("a key of somebody else is gone")
		}
	}
	r.wantBody(bystander.get("/show"), "v")
}
