package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
	"github.com/berthgo/berth/examples/demo/shop"
)

// serveShop serves a shop with sessions of the test's own.
func serveShop(t *testing.T, framework string, o session.Options) (*visitor, *sessiontest.Sessions) {
	t.Helper()
	newServer, err := serverFor(framework)
	if err != nil {
		t.Fatal(err)
	}
	o.App = "shop"
	sessions := sessiontest.New(t, o)
	listener, err := listen(t.Context(), "0")
	if err != nil {
		t.Fatal(err)
	}
	ping := func(ctx context.Context) error { return sessions.Redis.Ping(ctx).Err() }
	srv := newServer(sessions.Manager, shop.New("test", ping, slog.New(slog.DiscardHandler)).Routes())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(listener)
	}()
	v := newVisitor(t, "http://"+listener.Addr().String())
	t.Cleanup(func() {
		v.http.CloseIdleConnections()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return v, sessions
}

// onFrameworks runs a test with every framework.
func onFrameworks(t *testing.T, test func(t *testing.T, framework string)) {
	t.Parallel()
	for _, framework := range frameworks {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			test(t, framework)
		})
	}
}

func TestSlowEndsWithTheLease(t *testing.T) {
	onFrameworks(t, func(t *testing.T, framework string) {
		v, sessions := serveShop(t, framework, session.Options{LockTTL: time.Second})
		v.do("POST", "/cart/add", item("apple"))
		lock := "{shop_" + handleOf(v.sessionID()) + "}_Lock"
		slow := make(chan response, 1)
		began := time.Now()
		go func() {
			got, err := v.try(t.Context(), "GET", "/slow?ms=5000", nil)
			if err != nil {
				t.Error(err)
			}
			slow <- got
		}()
		until(t, "the slow request holds the session", func() bool { return sessions.Redis.Exists(t.Context(), lock).Val() == 1 })
		sessions.Redis.Del(t.Context(), lock)
		if got := <-slow; got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("without the lease: %d %s", got.status, got.body)
		}
		if took := time.Since(began); took >= 5*time.Second {
			t.Errorf("it went on for %v", took)
		}
	})
}

func TestSlowEndsWithTheClient(t *testing.T) {
	onFrameworks(t, func(t *testing.T, framework string) {
		if framework == "fiber" || framework == "fiber3" {
			t.Skip("fiber does not tell a handler that the client has gone")
		}
		v, sessions := serveShop(t, framework, session.Options{})
		v.do("POST", "/cart/add", item("apple"))
		ctx, hangUp := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		began := time.Now()
		go func() {
			_, err := v.try(ctx, "GET", "/slow?ms=5000", nil)
			gone <- err
		}()
		until(t, "the slow request holds the session", func() bool {
			return sessions.Redis.Exists(t.Context(), "{shop_"+handleOf(v.sessionID())+"}_Lock").Val() == 1
		})
		hangUp()
		if err := <-gone; err == nil {
			t.Fatal("the client did not hang up")
		}
		v.do("POST", "/cart/add", item("pear"))
		if took := time.Since(began); took >= 5*time.Second {
			t.Errorf("the session was free after %v", took)
		}
	})
}

func TestRedisDown(t *testing.T) {
	onFrameworks(t, func(t *testing.T, framework string) {
		v, sessions := serveShop(t, framework, session.Options{})
		v.do("POST", "/cart/add", item("apple"))
		id := v.sessionID()
		restore := sessions.FailRedis()
		wantBody(t, v.do("GET", "/healthz", nil), 503, `{"redis":"does not answer","served_by":"test"}`)
		got := v.do("GET", "/cart", nil)
		if got.status != 503 || got.header.Get("Retry-After") == "" || v.sessionID() != id {
			t.Errorf("without Redis: %d %s", got.status, got.body)
		}
		restore()
		wantBody(t, v.do("GET", "/cart", nil), 200, `{"items":["apple"],"count":1,"served_by":"test"}`)
	})
}

// step is one request of a script, and what to send with it.
type step struct {
	method, path string
	form         url.Values
	header       []string
}

// TestSameAnswers sends the same requests to every framework.
func TestSameAnswers(t *testing.T) {
	t.Parallel()
	page := []string{"Accept", browser}
	script := []step{
		{method: "GET", path: "/"},
		{method: "HEAD", path: "/"},
		{method: "GET", path: "/cart"},
		{method: "GET", path: "/whoami"},
		{method: "GET", path: "/healthz"},
		{method: "GET", path: "/slow?ms=0"},
		{method: "GET", path: "/slow?ms=5001"},
		{method: "GET", path: "/slow"},
		{method: "POST", path: "/logout"},
		{method: "POST", path: "/cart/add"},
		{method: "POST", path: "/cart/add", form: item("apple")},
		{method: "POST", path: "/cart/add?item=query", form: item("<b>ä&\"")},
		{method: "POST", path: "/cart/add?item=query", form: url.Values{}},
		{method: "POST", path: "/cart/add", form: item("pear"), header: page},
		{method: "POST", path: "/cart/add", form: url.Values{}, header: page},
		{method: "POST", path: "/cart/add", form: item("\xff")},
		{method: "POST", path: "/cart/add", form: url.Values{"": {"item=%zz"}}},
		{method: "POST", path: "/cart/add", form: url.Values{"": {"item=a;b=c"}}},
		{method: "POST", path: "/cart/add", header: []string{"Cookie", "session=x; session=y"}, form: item("apple")},
		{method: "GET", path: "/cart", header: []string{"Cookie", "session=" + strings.Repeat("a", 10_000)}},
		{method: "GET", path: "/cart", header: []string{"Cookie", "session=" + madeUp}},
		{method: "POST", path: "/login", form: url.Values{"user": {"ann"}}, header: []string{"X-Forwarded-Proto", "https"}},
		{method: "POST", path: "/login", form: url.Values{"user": {"bob"}}},
		{method: "POST", path: "/login", form: url.Values{"user": {""}}, header: page},
		{method: "POST", path: "/cart/add", form: item("plum")},
		{method: "POST", path: "/rotate"},
		{method: "GET", path: "/cart"},
		{method: "GET", path: "/slow?ms=1"},
		{method: "GET", path: "/", header: page},
		{method: "HEAD", path: "/cart"},
		{method: "POST", path: "/logout", header: page},
		{method: "GET", path: "/whoami"},
		{method: "GET", path: "/", header: page},
	}
	want := answers(t, frameworks[0], script)
	for _, framework := range frameworks[1:] {
		for i, got := range answers(t, framework, script) {
			if got != want[i] {
				t.Errorf("%s %s\n%s: %s\n%s: %s", script[i].method, script[i].path, frameworks[0], want[i], framework, got)
			}
		}
	}
}

var sessionCookie = regexp.MustCompile(`session=[a-z2-7]{26}\.[a-z2-7]{26}`)

// answers returns a framework's answers to a script: the parts that must be the same for all.
func answers(t *testing.T, framework string, script []step) []string {
	t.Helper()
	v, _ := serveShop(t, framework, session.Options{})
	var all []string
	for _, s := range script {
		r := v.do(s.method, s.path, s.form, s.header...)
		text := fmt.Sprintln(r.status)
		for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control", "Location", "Retry-After", "Set-Cookie"} {
			for _, value := range r.header.Values(name) {
				text += fmt.Sprintf("%s: %s\n", name, sessionCookie.ReplaceAllString(value, "session=ID"))
			}
		}
		all = append(all, text+r.body)
	}
	return all
}
