package conformance

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/session"
)

var streaming = []testCase{
	{name: "FlushBeforeTheFirstWrite", run: flushFirst, needs: []Feature{Unbuffered}},
	{name: "FlushThroughController", run: flushThroughController, needs: []Feature{Unbuffered, Controller}},
	{name: "EventStream", run: eventStream},
	{name: "StreamKeepsItsOwnSession", run: streamKeepsItsOwnSession},
	{name: "StreamHearsOfTheEnd", run: streamHearsOfTheEnd},
	{name: "ChangeAfterTheFirstByteIsReported", run: changeAfterFirstByte, needs: []Feature{Unbuffered}},
	{name: "ChangeInAStreamIsReported", run: changeInAStream},
	{name: "EarlyHints", run: earlyHints, needs: []Feature{EarlyHints}},
	{name: "HijackedSocket", run: hijackedSocket},
	{name: "SocketThatClosesLate", run: socketThatClosesLate},
	{name: "HandshakeWithHeadersOfItsOwn", run: handshakeWithOwnHeaders, needs: []Feature{Controller}},
}

func flushFirst(r *rig) {
	flushes(r, func(x *Exchange) error {
		x.W.(http.Flusher).Flush()
		return nil
	})
}

func flushThroughController(r *rig) {
	flushes(r, func(x *Exchange) error { return http.NewResponseController(x.W).Flush() })
}

// flushes checks that a flush sends headers with the cookie, after the commit.
func flushes(r *rig, flush func(x *Exchange) error) {
	rest := r.gate()
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/flush": func(x *Exchange) error {
		x.From().Set("k", "v")
		if err := flush(x); err != nil {
			return err
		}
		rest.pass()
		return write(x, "done")
	}}})
	b := s.browser()
	response, err := b.open(r.Context(), "/flush")
	if err != nil {
		r.Fatalf("no headers: %v", err)
	}
	defer response.Body.Close()
	b.keep(s.setCookie(response))
	r.wantBody(b.also().get("/show"), "v")
	rest.await()
	rest.open()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "done" {
		r.Errorf("body is %q (%v)", body, err)
	}
}

// A stream that goes on for long must hold no session.
func eventStream(r *rig) {
	more := make(chan string)
	s := r.serve(setting{routes: Routes{"/increment": increment, "/events": func(x *Exchange) error {
		n, err := session.Get[int](x.From(), "n")
		if err != nil {
			return err
		}
		x.From().Set("n", n+10)
		x.W.Header().Set("Content-Type", "text/event-stream")
		ctx := r.Context()
		x.Stream(func(w io.Writer, flush func() error) {
			_ = flush()
			for {
				select {
				case <-ctx.Done():
					return
				case event, more := <-more:
					if !more {
						return
					}
					_, _ = io.WriteString(w, "data: "+event+"\n\n")
					_ = flush()
				}
			}
		})
		return nil
	}}})
	b := s.visitor("/increment")
	response, err := b.open(r.Context(), "/events")
	if err != nil {
		r.Fatalf("no headers: %v", err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		r.Errorf("Content-Type is %q", got)
	}
	events := bufio.NewReader(response.Body)
	for _, want := range []string{"12", "13", "14"} {
		r.wantUnlocked(b.id)
		got := b.finish(b.also().start("/increment")).body
		if got != want {
			r.Errorf("beside the stream a request saw %s, want %s", got, want)
		}
		select {
		case more <- got:
		case <-time.After(r.patience):
			r.Fatalf("the stream takes no event")
		}
		line, err := events.ReadString('\n')
		if err != nil || line != "data: "+got+"\n" {
			r.Fatalf("the event is %q (%v)", line, err)
		}
		if _, err := events.ReadString('\n'); err != nil {
			r.Fatalf("no end of the event: %v", err)
		}
	}
	close(more)
	if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
		r.Errorf("after the events there are %q (%v)", rest, err)
	}
	r.wantUnlocked(b.id)
}

// A handle must not be given to another request while a stream still reads it.
func streamKeepsItsOwnSession(r *rig) {
	rest := r.gate()
	s := r.serve(setting{routes: Routes{
		"/a": set("k", "a"), "/b": set("k", "b"),
		"/stream": func(x *Exchange) error {
			s := x.From()
			x.Stream(func(w io.Writer, flush func() error) {
				_, _ = io.WriteString(w, "begun ")
				_ = flush()
				rest.pass()
				value, err := session.Get[string](s, "k")
				if err != nil {
					value = err.Error()
				}
				_, _ = io.WriteString(w, value+" "+s.ID())
			})
			return nil
		},
	}})
	b := s.visitor("/a")
	started := b.start("/stream")
	rest.await()
	for range 20 {
		other := s.visitor("/b")
		other.get("/b")
	}
	rest.open()
	r.wantBody(b.finish(started), "begun a "+b.id)
}

func changeAfterFirstByte(r *rig) {
	sealed := make(chan error, 1)
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/change": func(x *Exchange) error {
		x.From().Set("k", "in time")
		if err := write(x, "a"); err != nil {
			return err
		}
		x.From().Set("k", "too late")
		sealed <- x.From().Err()
		return write(x, "b")
	}}})
	b := s.browser()
	a := b.get("/change")
	r.wantStatus(a, http.StatusOK)
	r.wantBody(a, "ab")
	r.wantSealed(s, receive(r, "the handler's report", sealed))
	r.wantBody(b.get("/show"), "in time")
}

func changeInAStream(r *rig) {
	rest := r.gate()
	sealed := make(chan error, 1)
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/change": func(x *Exchange) error {
		s := x.From()
		s.Set("k", "in time")
		x.Stream(func(w io.Writer, flush func() error) {
			_, _ = io.WriteString(w, "a")
			_ = flush()
			rest.pass()
			s.Set("k", "too late")
			sealed <- s.Err()
			_, _ = io.WriteString(w, "b")
		})
		return nil
	}}})
	b := s.browser()
	response, err := b.open(r.Context(), "/change")
	if err != nil {
		r.Fatalf("no headers: %v", err)
	}
	defer response.Body.Close()
	b.keep(s.setCookie(response))
	rest.await()
	rest.open()
	r.wantSealed(s, receive(r, "the stream's report", sealed))
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "ab" {
		r.Errorf("body is %q (%v)", body, err)
	}
	r.wantBody(b.get("/show"), "in time")
}

// wantSealed checks that the handler and the hook were told of a late change.
func (r *rig) wantSealed(s *site, err error) {
	r.Helper()
	if !errors.Is(err, session.ErrSealed) {
		r.Errorf("the session's Err is %v, want ErrSealed", err)
	}
	for _, told := range s.failures.all() {
		if errors.Is(told, session.ErrSealed) {
			return
		}
	}
	r.Errorf("OnError was not told of the lost change")
}

// An informational response is not the response: the commit comes later.
func earlyHints(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/hints": func(x *Exchange) error {
		x.W.Header().Set("Link", "</style.css>; rel=preload")
		x.W.WriteHeader(http.StatusEarlyHints)
		x.From().Set("k", "v")
		return write(x, "done")
	}}})
	var hints atomic.Int64
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			if status == http.StatusEarlyHints && header.Get("Set-Cookie") == "" {
				hints.Add(1)
			}
			return nil
		},
	})
	b := s.browser()
	response, err := b.open(ctx, "/hints")
	if err != nil {
		r.Fatalf("no response: %v", err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "done" || response.StatusCode != http.StatusOK {
		r.Errorf("the response is %d %q (%v)", response.StatusCode, body, err)
	}
	if hints.Load() != 1 {
		r.Errorf("%d early hints without a cookie, want 1", hints.Load())
	}
	b.keep(s.setCookie(response))
	r.wantBody(b.get("/show"), "v")
}
