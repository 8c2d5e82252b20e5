package main

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

var realURL string // where a real Redis is, "" if there is none

func TestMain(m *testing.M) {
	redistest.Main(m, func(url string) { realURL = url }, func() error { return nil })
}

// onEach runs a test on a miniredis whose keys expire by themselves, and on a real Redis if there is one.
func onEach(t *testing.T, test func(t *testing.T, set settings)) {
	t.Parallel()
	mini := miniredis.NewMiniRedis()
	mini.ClockTTL(true)
	if err := mini.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mini.Close)
	redises := map[string]string{"miniredis": "redis://" + mini.Addr()}
	if realURL != "" {
		redises["redis"] = realURL
	}
	for name, redis := range redises {
		t.Run(name, func(t *testing.T) {
			test(t, settings{app: "ends-" + strings.ToLower(rand.Text()), redis: redis, path: filepath.Join(t.TempDir(), "ends.db"), timeout: time.Minute, stopTime: time.Minute})
		})
	}
}

// program is one that runs.
type program struct {
	t    *testing.T
	url  string
	stop func() // ends it
}

func start(t *testing.T, set settings) program {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, listener, set) }()
	return program{t, "http://" + listener.Addr().String(), func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}}
}

// visitor is a client that keeps cookies.
type visitor struct{ *http.Client }

func newVisitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return visitor{&http.Client{Jar: jar, Transport: transport}}
}

// send sends a form, or gets a page if it is nil, and returns what the answer says.
func (p program) send(v visitor, path string, form url.Values) string {
	p.t.Helper()
	var response *http.Response
	var err error
	if form == nil {
		response, err = v.Get(p.url + path)
	} else {
		response, err = v.PostForm(p.url+path, form)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: status %d: %s (%v)", path, response.StatusCode, said, err)
	}
	return string(said)
}

var clock = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `)

// wantEnded polls until the archive has these lines, but for their times.
func (p program) wantEnded(lines ...string) {
	p.t.Helper()
	want := strings.Join(lines, "\n") + "\n"
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got := clock.ReplaceAllString(p.send(newVisitor(p.t), "/ended", nil), "")
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the archive has\n%swant\n%s", got, want)
		}
	}
}

// Sessions that were logged out and that have expired are in the archive, the last one first.
func TestEnds(t *testing.T) {
	onEach(t, func(t *testing.T, set settings) {
		set.timeout = time.Second
		p := start(t, set)
		defer p.stop()
		ann, bob := newVisitor(t), newVisitor(t)
		p.send(ann, "/cart", url.Values{"item": {"tea"}, "user": {"ann"}})
		if said := p.send(ann, "/cart", url.Values{"item": {"milk"}}); said != "Your cart: tea, milk\n" {
			t.Errorf("the answer is %q", said)
		}
		p.send(ann, "/logout", url.Values{})
		p.wantEnded("abandoned: ann had tea, milk")
		p.send(bob, "/cart", url.Values{"item": {"apples"}})
		p.wantEnded("expired: a visitor had apples", "abandoned: ann had tea, milk")
	})
}

// A session that ends while no program runs is in the archive when one runs again.
func TestEndsMeanwhile(t *testing.T) {
	onEach(t, func(t *testing.T, set settings) {
		p := start(t, set)
		ann := newVisitor(t)
		p.send(ann, "/cart", url.Values{"item": {"tea"}, "user": {"ann"}})
		p.stop()

		m, err := session.Open(session.Config{URL: set.redis}, session.Options{App: set.app, TrackEnd: true})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if n, err := m.EndAll(t.Context(), "ann"); n != 1 || err != nil {
			t.Fatalf("%d sessions were ended (%v)", n, err)
		}
		p = start(t, set)
		defer p.stop()
		p.wantEnded("operator: ann had tea")
	})
}

// An end that comes twice is written once, also if it has no cart.
func TestTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "100% of ends?.db")
	a, err := openArchive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.db.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	e := session.Ended{Handle: "s", Session: new(session.Session), Principal: "ann", Reason: session.Expired, EndedAt: time.UnixMilli(1)}
	for range 2 {
		if err := a.save(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := a.last(t.Context(), 10)
	if err != nil || len(lines) != 1 || lines[0].User != "ann" || !lines[0].At.Equal(e.EndedAt) {
		t.Errorf("the archive has %v (%v)", lines, err)
	}
}
