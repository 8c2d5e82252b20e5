package conformance

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
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

func hijackedSocket(r *rig) {
	sealed := make(chan error, 1)
	s := r.serve(setting{routes: Routes{"/increment": increment, "/socket": func(x *Exchange) error {
		s := x.From()
		s.Set("n", 41)
		return x.Hijack(func(conn net.Conn) {
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil {
				sealed <- err
				return
			}
			s.Set("n", 0)
			sealed <- s.Err()
			_, _ = io.WriteString(conn, "echo "+line)
		})
	}}})
	b := s.browser()
	conn, a := b.upgrade("/socket")
	b.keep(a.cookie)
	r.wantStatus(a, http.StatusSwitchingProtocols)
	if b.id == "" {
		r.Fatalf("the answer to the upgrade has no cookie")
	}
	r.wantUnlocked(b.id)
	r.wantBody(b.finish(b.also().start("/increment")), "42") // while the socket is open
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		r.Fatalf("the socket takes nothing: %v", err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "echo hello\n" {
		r.Errorf("the socket says %q (%v)", line, err)
	}
	r.wantSealed(s, receive(r, "the socket's report", sealed))
	r.wantStored(b.id, "n", "42")
}

// A socket that closes hours later must not write what it saw when it opened.
func socketThatClosesLate(r *rig) {
	closed := make(chan struct{})
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/show": show("k"), "/logout": logOut,
		"/socket": func(x *Exchange) error {
			x.From().Set("seen", "yes")
			return x.Hijack(func(conn net.Conn) {
				defer close(closed)
				_, _ = io.ReadAll(conn) // until the client closes
			})
		},
	}})
	b := s.visitor("/set")
	old := b.id
	conn, a := b.upgrade("/socket")
	r.wantStatus(a, http.StatusSwitchingProtocols)
	b.get("/logout")
	if err := conn.Close(); err != nil {
		r.Errorf("Close: %v", err)
	}
	receive(r, "the socket's end", closed)
	other := s.browser()
	other.id = old
	r.wantBody(other.get("/show"), "-")
	r.wantStored(old, "k", "")
	r.wantStored(old, "seen", "")
}

// A handshake such as that of gorilla's Upgrade(w, r, nil) sends nothing of the ResponseWriter. A
// cookie that is only there is lost. So that is reported, unless the handler takes the cookie first.
func handshakeWithOwnHeaders(r *rig) {
	handshake := func(x *Exchange, header http.Header) error {
		conn, _, err := http.NewResponseController(x.W).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: conformance\r\n")
		_ = header.Write(conn)
		_, _ = io.WriteString(conn, "\r\n")
		return nil
	}
	socket := func(before Handler) Handler {
		return func(x *Exchange) error {
			if err := before(x); err != nil {
				return err
			}
			return handshake(x, nil)
		}
	}
	change := func(x *Exchange) error {
		x.From().Set("k", "w")
		return nil
	}
	turn := func(x *Exchange) error {
		x.From().Rotate()
		return nil
	}
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/show": show("k"),
		"/create": socket(change), "/change": socket(change), "/rotate": socket(turn), "/logout": socket(logOut),
		"/documented": func(x *Exchange) error {
			x.From().Set("k", "w")
			if err := x.From().Finish(x.R.Context()); err != nil {
				return err
			}
			header := make(http.Header)
			x.From().SetHeaders(x.R.Header, header, x.R.TLS != nil)
			return handshake(x, header)
		},
		"/written": func(x *Exchange) error { // as coder/websocket does
			x.From().Set("k", "w")
			x.W.Header().Set("Connection", "Upgrade")
			x.W.Header().Set("Upgrade", "conformance")
			x.W.WriteHeader(http.StatusSwitchingProtocols)
			if w, ok := x.W.(interface{ WriteHeaderNow() }); ok { // Gin
				w.WriteHeaderNow()
			}
			conn, _, err := http.NewResponseController(x.W).Hijack()
			if err != nil {
				return err
			}
			return conn.Close()
		},
	}})
	reports := 0
	for _, c := range []struct {
		from *browser
		path string
		lost bool
	}{
		{s.visitor("/set"), "/change", false},
		{s.visitor("/set"), "/documented", false},
		{s.browser(), "/create", true},
		{s.visitor("/set"), "/rotate", true},
		{s.visitor("/set"), "/logout", true},
	} {
		_, a := c.from.upgrade(c.path)
		r.wantStatus(a, http.StatusSwitchingProtocols)
		r.wantNoCookie(a)
		if c.lost {
			reports++
			r.until("the lost cookie is reported", func() bool { return len(s.failures.all()) == reports })
		}
	}
	for _, err := range s.failures.all() {
		if !errors.Is(err, session.ErrUnsent) {
			r.Errorf("OnError was told %v", err)
		}
	}
	if !strings.Contains(s.log.String(), "Upgrade") || !strings.Contains(s.log.String(), "path=/create") {
		r.Errorf("the log does not say what to write, and where")
	}
	for _, path := range []string{"/documented", "/written"} {
		b := s.browser()
		_, a := b.upgrade(path)
		r.wantStatus(a, http.StatusSwitchingProtocols)
		b.keep(a.cookie)
		r.wantBody(b.get("/show"), "w")
	}
	if n := len(s.failures.all()); n != reports {
		r.Errorf("%d failures were reported, want %d", n, reports)
	}
}
