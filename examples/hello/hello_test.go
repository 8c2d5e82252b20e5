//go:build testall

package hello_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// visit gets a page, and returns what it says.
func visit(browser *http.Client, url string) (string, error) {
	response, err := browser.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	return string(body), err
}

// A browser goes from program to program, and each of them knows it. Ctrl-C ends them in order.
func TestEveryFramework(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, redis string) {
		var all []*program
		for _, framework := range frameworks {
			all = append(all, start(t, framework, redis))
		}
		browser := newBrowser(t)
		for visits := range 2 * len(all) {
			at := visits % len(all)
			got, err := visit(browser, all[at].url)
			if want := fmt.Sprintf("visit %d\n", visits+1); got != want || err != nil {
				t.Errorf("%s says %q, want %q (%v)", frameworks[at], got, want, err)
			}
		}
		for _, p := range all {
			p.stop()
		}
		for _, p := range all {
			p.wait()
		}
	})
}

// A request that runs when its program is told to end gets its answer, and its session is saved.
func TestRequestsFinish(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, redis string) {
		for _, framework := range frameworks {
			t.Run(framework, func(t *testing.T) {
				t.Parallel()
				finish(t, framework, redis)
			})
		}
	})
}

func finish(t *testing.T, framework, redisURL string) {
	m, err := session.Open(session.Config{URL: redisURL}, session.Options{App: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	p, browser := start(t, framework, redisURL), newBrowser(t)
	if _, err := visit(browser, p.url); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	cookies := browser.Jar.Cookies(at)
	if len(cookies) != 1 {
		t.Fatalf("the browser has %d cookies", len(cookies))
	}
	id := cookies[0].Value

	type answer struct {
		said string
		err  error
	}
	answered := make(chan answer, 1)
	err = m.Do(t.Context(), id, session.Exclusive, func(s *session.Session) error {
		go func() {
			said, err := visit(browser, p.url)
			answered <- answer{said, err}
		}()
		until(t, "the request waits for its session", func() bool {
			n, err := m.Client().Exists(t.Context(), "{hello_"+s.Handle()+"}_Waiters").Result()
			if err != nil {
				t.Error(err)
			}
			return n == 1
		})
		p.stop()
		until(t, "the program takes no connections", func() bool {
			conn, err := net.DialTimeout("tcp", at.Host, time.Second)
			if err == nil {
				_ = conn.Close()
			}
			return err != nil
		})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := <-answered; got.said != "visit 2\n" || got.err != nil {
		t.Errorf("the request that ran got %q (%v)", got.said, got.err)
	}
	p.wait()
	err = m.Do(t.Context(), id, session.Peek, func(s *session.Session) error {
		if n, err := session.Get[int](s, "visits"); n != 2 || err != nil {
			t.Errorf("%d visits were saved, want 2 (%v)", n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// until polls until a condition is true.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("it is not so that %s", what)
			return
		}
	}
}
