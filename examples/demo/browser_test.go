//go:build browser

package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/examples/browsertest"
)

// page is a visitor's window with the page of the demo.
type page struct {
	*browsertest.Browser
	t     *testing.T
	demo  *demo
	redis *redis.Client
}

// onPage runs a test on the embedded Redis and on a real one.
func onPage(t *testing.T, test func(t *testing.T, p *page)) {
	t.Helper()
	for _, kind := range []string{"miniredis", "redis"} {
		t.Run(kind, func(t *testing.T) {
			env := map[string]string{}
			if kind == "redis" {
				if realURL == "" {
					t.Skip(redistest.ErrUnavailable)
				}
				env["REDIS_URL"] = realURL
			}
			d := start(t, env)
			p := &page{t: t, demo: d, redis: clientOf(t, d, kind), Browser: browsertest.Open(t)}
			p.Do(chromedp.Navigate(d.url))
			p.listens()
			test(t, p)
		})
	}
}

// listens waits until the page's stream is open.
func (p *page) listens() { p.Until("#redis-text", "Redis is there") }

// handle is that of the page's session, "" if there is none.
func (p *page) handle() string {
	handle := p.Text("#handle")
	if strings.Contains(handle, " ") {
		return ""
	}
	return handle
}

// add puts something into the cart with a framework.
func (p *page) add(framework string) {
	p.Press(`#cart [data-framework=` + framework + `] .add`)
}

// holds tells whether the session's key with this suffix is there.
func (p *page) has(handle, suffix string) bool {
	p.t.Helper()
	n, err := p.redis.Exists(p.t.Context(), "{"+p.demo.app+"_"+handle+"}_"+suffix).Result()
	if err != nil {
		p.t.Fatal(err)
	}
	return n == 1
}
