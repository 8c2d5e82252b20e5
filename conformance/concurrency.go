package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/session"
)

var concurrency = []testCase{
	{name: "ParallelRequestsOfOneSession", run: parallelRequests},
	{name: "FirstComeFirstServed", run: firstComeFirstServed},
	{name: "ReadersAreNotBlocked", run: readersAreNotBlocked},
	{name: "SharedMerges", run: sharedMerges},
	{name: "LockTimeoutIs503", run: lockTimeout},
	{name: "LockTimeoutIsReturnedEvenWithFailSilently", run: lockTimeoutSilently},
	{name: "NoneLooksAtNothing", run: noneLooksAtNothing},
	{name: "AccessSeesTheRequest", run: accessSeesTheRequest},
	{name: "ReadOnlyDoesNotChange", run: readOnlyDoesNotChange},
}

func parallelRequests(r *rig) {
	const requests = 24
	s := r.serve(setting{routes: Routes{"/increment": increment}})
	b := s.visitor("/increment")
	var started []<-chan answer
	for range requests {
		started = append(started, b.also().start("/increment"))
	}
	seen := make(map[string]bool)
	for _, c := range started {
		a := b.finish(c)
		r.wantStatus(a, http.StatusOK)
		if seen[a.body] {
			r.Errorf("two requests saw %s", a.body)
		}
		seen[a.body] = true
	}
	r.wantStored(b.id, "n", fmt.Sprint(requests+1))
}

// Each waiter is in a server of its own. So Redis shows when one is in the queue, and then the next
// one comes.
func firstComeFirstServed(r *rig) {
	const waiters = 4
	holding := r.gate()
	served := make(chan int, waiters)
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/hold": func(*Exchange) error {
		holding.pass()
		return nil
	}}})
	b := s.visitor("/set")
	holder := b.start("/hold")
	holding.await()

	var started []<-chan answer
	for i := range waiters {
		other := r.serve(setting{routes: Routes{"/wait": func(*Exchange) error {
			served <- i
			return nil
		}}}).browser()
		other.id = b.id
		started = append(started, other.start("/wait"))
		r.until("a request is in the queue", func() bool {
			queue, err := r.look.Get(context.WithoutCancel(r.Context()), r.key(b.id, "Waiters")).Result()
			return err == nil && len(queue) >= (i+1)*26 // a token is 26 bytes
		})
	}
	holding.open()
	b.finish(holder)
	for _, c := range started {
		r.wantStatus(b.finish(c), http.StatusOK)
	}
	for i := range waiters {
		if got := receive(r, "a request is served", served); got != i {
			r.Errorf("request %d was served in place %d", got, i)
		}
	}
}

func readersAreNotBlocked(r *rig) {
	holding := r.gate()
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "before"), "/read": show("k"),
			"/hold": func(x *Exchange) error {
				x.From().Set("k", "after")
				holding.pass()
				return nil
			},
		},
		access: map[string]session.Access{"/read": session.ReadOnly},
	})
	b := s.visitor("/set")
	holder := b.start("/hold")
	holding.await()
	r.wantBody(b.finish(b.also().start("/read")), "before")
	holding.open()
	b.finish(holder)
	r.wantBody(b.get("/read"), "after")
}

func sharedMerges(r *rig) {
	both := r.gate()
	put := func(key string) Handler {
		return func(x *Exchange) error {
			both.pass()
			x.From().Set(key, "v")
			return nil
		}
	}
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/a": put("a"), "/b": put("b")},
		access: map[string]session.Access{"/a": session.Shared, "/b": session.Shared},
	})
	b := s.visitor("/set")
	first, second := b.also().start("/a"), b.also().start("/b")
	both.await()
	both.await()
	both.open()
	b.finish(first)
	b.finish(second)
	for _, key := range []string{"k", "a", "b"} {
		r.wantStored(b.id, key, "v")
	}
}

func lockTimeout(r *rig)         { timesOut(r, false) }
func lockTimeoutSilently(r *rig) { timesOut(r, true) }

// timesOut holds a session for longer than other requests wait. These must not get an empty session
// in its place.
func timesOut(r *rig, silent bool) {
	holding := r.gate()
	var ran atomic.Bool
	var told atomic.Pointer[session.LockTimeoutError]
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/show": show("k"),
			"/hold": func(*Exchange) error { holding.pass(); return nil },
			"/wait": func(x *Exchange) error { ran.Store(true); return set("k", "lost")(x) },
		},
		options: session.Options{
			LockWait: 20 * time.Millisecond, FailSilently: silent,
			Hooks: session.Hooks{OnLockNotAcquired: func(_ context.Context, err error) {
				var timeout *session.LockTimeoutError
				if errors.As(err, &timeout) {
					told.Store(timeout)
				}
			}},
		},
	})
	b := s.visitor("/set")
	holder := b.start("/hold")
	holding.await()
	r.wantUnavailable(b.finish(b.also().start("/wait")))
	if ran.Load() {
		r.Errorf("the handler ran without the session")
	}
	if told.Load() == nil || told.Load().LockWait != 20*time.Millisecond {
		r.Errorf("OnLockNotAcquired was not told")
	}
	holding.open()
	b.finish(holder)
	r.wantBody(b.get("/show"), "v")
}

func noneLooksAtNothing(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/none": func(x *Exchange) error {
			x.From().Set("k", "w")
			if !x.From().Detached() {
				return errors.New("the session is not detached")
			}
			return nil
		}},
		access: map[string]session.Access{"/none": session.None},
	})
	b := s.visitor("/set")
	before := s.wire.trips.Load()
	a := b.get("/none")
	r.wantStatus(a, http.StatusOK)
	r.wantNoCookie(a)
	if n := s.wire.trips.Load() - before; n != 0 {
		r.Errorf("%d round trips, want 0", n)
	}
	r.wantBody(b.get("/show"), "v")
}

func accessSeesTheRequest(r *rig) {
	how := func(x *Exchange) error { return write(x, x.From().Access().String()) }
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/a": how, "/b": how, "/c": how, "/d": how},
		access: map[string]session.Access{"/a": session.ReadOnly, "/b": session.Shared, "/c": session.None},
	})
	b := s.visitor("/set")
	for path, want := range map[string]string{"/a": "ReadOnly", "/b": "Shared", "/c": "None", "/d": "Exclusive"} {
		r.wantBody(b.get(path), want)
	}
	byDefault := r.serve(setting{routes: Routes{"/": how}}).browser()
	r.wantBody(byDefault.get("/"), "Exclusive")
}

func readOnlyDoesNotChange(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/read": set("k", "w")},
		access: map[string]session.Access{"/read": session.ReadOnly},
	})
	b := s.visitor("/set")
	a := b.get("/read")
	r.wantStatus(a, http.StatusInternalServerError)
	r.wantError(a)
	r.wantBody(b.get("/show"), "v")
}
