package conformance

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/berthgo/berth/core/session"
)

// setting says what a case serves, and how.
type setting struct {
	routes  Routes
	bare    Routes
	options session.Options
	access  map[string]session.Access
	rule    session.Rule
	onError func(err error) (status int, body string)
	tls     bool

	needsUser bool
	within    time.Duration

	readsCookies bool
	inner        *App // without Manager
	between      func(s *session.Session)
}

// site is a server with the adapter under test.
type site struct {
	r        *rig
	m        *session.Manager
	wire     *wire
	failures *failures
	log      *logged
	addr     string
	roots    *x509.CertPool // nil without TLS
	cookie   string         // the name of the session cookie
}

// serve starts a server that ends with the case.
func (r *rig) serve(c setting) *site {
	r.Helper()
	s := &site{r: r, wire: &wire{}, failures: &failures{}, log: &logged{}, cookie: "session"}
	c.options.App = r.app
	c.options.Logger = r.adapter.witness.logger(slog.NewTextHandler(s.log, nil))
	if c.options.Hooks.OnError == nil {
		c.options.Hooks.OnError = s.failures.add
	}
	c.options.Hooks.OnError = r.adapter.witness.onError(c.options.Hooks.OnError)
	if c.options.Cookie.Name != "" {
		s.cookie = c.options.Cookie.Name
	}
	if c.options.Cookie.HostPrefix {
		s.cookie = "__Host-" + s.cookie
	}
	client := r.client()
	client.AddHook(s.wire)
	m, err := session.New(client, c.options)
	if err != nil {
		r.Fatalf("session.New: %v", err)
	}
	s.m = m

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = m.Close()
		r.Fatalf("Listen: %v", err)
	}
	s.addr = l.Addr().String()
	if c.tls {
		l = s.secure(l)
	}
	if c.inner != nil {
		c.inner.Manager = m
	}
	stop := r.adapter.Serve(l, App{
		Manager: m, Routes: c.routes, Bare: c.bare, Access: c.access, OnError: c.onError,
		ReadsCookies: c.readsCookies, Inner: c.inner, Between: c.between,
		Rule: c.rule, NeedsUser: c.needsUser, Within: c.within,
	})
	r.Cleanup(func() {
		_ = m.Close() // nobody waits for a session any more
		stop()
	})
	return s
}

// secure makes l a listener for TLS, with the certificate of httptest.
func (s *site) secure(l net.Listener) net.Listener {
	lender := httptest.NewTLSServer(http.NotFoundHandler())
	defer lender.Close()
	s.roots = x509.NewCertPool()
	s.roots.AddCert(lender.Certificate())
	return tls.NewListener(l, lender.TLS)
}

// logged is what the manager wrote to its log.
type logged struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

// wantLogged checks that n lines of the log contain text, and that each names GET and path.
func (s *site) wantLogged(text string, n int, path string) {
	s.r.Helper()
	found := 0
	for line := range strings.Lines(s.log.String()) {
		if !strings.Contains(line, text) {
			continue
		}
		found++
		if !strings.Contains(line, " method=GET ") || !strings.HasSuffix(line, " path="+path+"\n") {
			s.r.Errorf("the line in the log does not name the request: %s", line)
		}
	}
	if found != n {
		s.r.Errorf("%d lines of the log have %q, want %d", found, text, n)
	}
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}
