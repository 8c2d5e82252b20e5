package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/berthgo/berth/core/session"
)

var handlers = []testCase{
	{name: "Panic", run: panics},
	{name: "PanicAfterTheFirstByte", run: panicsLate, needs: []Feature{Unbuffered}},
	{name: "ReturnedErrorIsAResponse", run: returnedError},
	{name: "StatusIsKept", run: statusIsKept},
	{name: "UnknownRoute", run: unknownRoute},
	{name: "ClientGone", run: clientGone},
	{name: "ClientGoneEndsTheRequest", run: clientGoneEndsRequest, needs: []Feature{Cancellation}},
	{name: "GoroutinesOfOneRequest", run: goroutines},
	{name: "ContextCarriesTheSession", run: contextCarries},
	{name: "ContextOfTheRequestStays", run: contextStays},
	{name: "FromWithoutMiddlewarePanics", run: fromWithoutMiddleware},
	{name: "SessionOutlivesItsRequest", run: sessionOutlivesRequest},
}

// After a panic nothing is saved, and the session is free at once. Code that recovers outside the
// middleware gets the panic.
func panics(r *rig) {
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/show": show("k"),
		"/panic": func(x *Exchange) error {
			x.From().Set("k", "lost")
			panic("a handler's own")
		},
	}})
	b := s.visitor("/set")
	for _, b := range []*browser{b, s.browser()} {
		a := b.try("/panic")
		if a.err == nil && a.status != http.StatusInternalServerError {
			r.Errorf("the panic went nowhere: status is %d", a.status)
		}
		if a.err == nil {
			r.wantNoCookie(a)
		}
	}
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "v")
	if told := s.failures.all(); len(told) > 0 {
		r.Errorf("OnError was told %v", told)
	}
}

func panicsLate(r *rig) {
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/show": show("k"),
		"/panic": func(x *Exchange) error {
			x.From().Set("k", "in time")
			if err := write(x, "begun"); err != nil {
				return err
			}
			_ = http.NewResponseController(x.W).Flush()
			panic("a handler's own")
		},
	}})
	b := s.visitor("/set")
	_ = b.try("/panic")
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "in time")
}

// A handler's error is an answer, like any that it could have written itself.
func returnedError(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/error": func(x *Exchange) error {
		x.From().Set("k", "v")
		return errors.New("out of luck")
	}}})
	b := s.browser()
	r.wantStatus(b.get("/error"), http.StatusInternalServerError)
	if b.id == "" {
		r.Fatalf("the response to an error has no cookie")
	}
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "v")
}

func statusIsKept(r *rig) {
	answer := func(status int) Handler {
		return func(x *Exchange) error {
			x.From().Set("k", "v")
			if status == http.StatusFound {
				x.W.Header().Set("Location", "/show")
			}
			x.W.WriteHeader(status)
			return nil
		}
	}
	statuses := []int{http.StatusOK, http.StatusCreated, http.StatusNoContent, http.StatusFound, http.StatusNotModified, http.StatusForbidden}
	routes := Routes{"/show": show("k")}
	for _, status := range statuses {
		routes[fmt.Sprint("/", status)] = answer(status)
	}
	s := r.serve(setting{routes: routes})
	for _, status := range statuses {
		b := s.browser()
		r.wantStatus(b.get(fmt.Sprint("/", status)), status)
		r.wantBody(b.get("/show"), "v")
	}
}

func unknownRoute(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k")}})
	b := s.visitor("/set")
	a := b.get("/nowhere")
	r.wantStatus(a, http.StatusNotFound)
	r.wantNoCookie(a)
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "v")
}

func clientGone(r *rig) {
	slow := r.gate()
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/slow": func(x *Exchange) error {
		slow.pass()
		x.From().Set("k", "saved")
		return nil
	}}})
	r.hangUp(s, slow, slow.open)
}

// The request's context has ended. The commit must happen all the same.
func clientGoneEndsRequest(r *rig) {
	slow := r.gate()
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/slow": func(x *Exchange) error {
		x.From().Set("k", "saved")
		slow.open()
		slow.pass()
		select {
		case <-x.R.Context().Done():
		case <-r.Context().Done():
		}
		return nil
	}}})
	r.hangUp(s, slow, func() {})
}

func (r *rig) hangUp(s *site, slow *gate, then func()) {
	r.Helper()
	b := s.visitor("/set")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	gone := make(chan error, 1)
	go func() {
		response, err := b.open(ctx, "/slow")
		if err == nil {
			response.Body.Close()
		}
		gone <- err
	}()
	slow.await()
	cancel()
	if err := receive(r, "the client hangs up", gone); err == nil {
		r.Fatalf("the response was there before the client hung up")
	}
	then()
	r.until("the session is saved", func() bool { return r.stored(b.id, "k") == "saved" })
	r.until("the session is free", func() bool { return !r.locked(b.id) })
}

func goroutines(r *rig) {
	const workers = 16
	s := r.serve(setting{routes: Routes{"/many": func(x *Exchange) error {
		s := x.From() // here a panic of From ends the request; in the goroutine it would end the process
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				for range 50 {
					s.Set(fmt.Sprint("k", i), "v")
					_, _ = session.Get[string](s, fmt.Sprint("k", (i+1)%workers))
					s.Keys()
				}
			})
		}
		all.Wait()
		return nil
	}}})
	b := s.visitor("/many")
	for i := range workers {
		r.wantStored(b.id, fmt.Sprint("k", i), "v")
	}
}

func contextCarries(r *rig) {
	s := r.serve(setting{routes: Routes{"/": func(x *Exchange) error {
		session.FromContext(x.R.Context()).Set("k", "v")
		if session.FromContext(x.R.Context()) != x.From() {
			return errors.New("the session is not the one of From")
		}
		return show("k")(x)
	}}})
	a := s.browser().get("/")
	r.wantStatus(a, http.StatusOK)
	r.wantBody(a, "v")
}

// The handler gets the request that was sent.
func contextStays(r *rig) {
	s := r.serve(setting{routes: Routes{"/path": func(x *Exchange) error {
		if err := x.R.Context().Err(); err != nil {
			return err
		}
		return write(x, x.R.Method+" "+x.R.URL.Path+" "+x.R.URL.Query().Get("q")+" "+x.R.Header.Get("X-Test"))
	}}})
	r.wantBody(s.browser().get("/path?q=1", "X-Test", "2"), "GET /path 1 2")
}

func fromWithoutMiddleware(r *rig) {
	said := make(chan string, 1)
	s := r.serve(setting{bare: Routes{"/bare": func(x *Exchange) error {
		defer func() { said <- fmt.Sprint(recover()) }()
		x.From().Set("k", "v")
		return nil
	}}})
	_ = s.browser().try("/bare")
	if got := receive(r, "a panic", said); !strings.Contains(got, "install") {
		r.Errorf("the panic does not tell what to do: %s", got)
	}
}

// Some frameworks use the buffers of a request again for the next request.
func sessionOutlivesRequest(r *rig) {
	kept := make(chan *session.Session, 1)
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/other": set("k", "v"), "/keep": func(x *Exchange) error {
		kept <- x.From()
		return nil
	}}})
	b, other := s.visitor("/set"), s.visitor("/set")
	b.get("/keep")
	mine := receive(r, "a session", kept)
	id := b.id
	b.id = other.id
	for range 5 {
		b.get("/other") // on the same connection
	}
	if mine.ID() != id {
		r.Errorf("a session's ID changed after its request")
	}
	mine.Set("k", "too late")
	s.wantLogged(session.ErrSealed.Error(), 1, "/keep")
}
