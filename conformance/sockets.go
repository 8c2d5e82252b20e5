package conformance

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/berthgo/berth/core/session"
)

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
