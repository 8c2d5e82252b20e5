//go:build testall

package hello_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/session"
)

// A request that waits for its session does not hold the end of its program for more than 20 seconds.
func TestRequestsHaveALimit(t *testing.T) {
	t.Parallel()
	for _, framework := range frameworks {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			redis := "redis://" + miniredis.RunT(t).Addr()
			m, err := session.Open(session.Config{URL: redis}, session.Options{App: "hello"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			p, browser := start(t, framework, redis), newBrowser(t)
			if _, err := visit(browser, p.url); err != nil {
				t.Fatal(err)
			}
			at, err := url.Parse(p.url)
			if err != nil {
				t.Fatal(err)
			}
			err = m.Do(t.Context(), browser.Jar.Cookies(at)[0].Value, session.Exclusive, func(s *session.Session) error {
				answered := make(chan struct{})
				go func() {
					defer close(answered)
					_, _ = visit(browser, p.url)
				}()
				until(t, "the request waits for its session", func() bool {
					n, err := m.Client().Exists(t.Context(), "{hello_"+s.Handle()+"}_Waiters").Result()
					return n == 1 && err == nil
				})
				p.stop()
				var said string
				for p.said.Scan() { // until it ends
					said += p.said.Text()
				}
				p.ended = true
				if err := p.cmd.Wait(); err == nil || !strings.Contains(said, "deadline exceeded") {
					t.Errorf("it waited for the request: %v %s", err, said)
				}
				<-answered // the process has gone, and its connections with it
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
