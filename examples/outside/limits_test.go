package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A session keeps the last 20 wishes.
func TestManyWishes(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.send("GET", "/")
		conn, _ := p.dial()
		for n := range 21 {
			if got, err := p.say(conn, fmt.Sprintf("wish %d.", n)); err != nil || got != fmt.Sprintf("%d wishes", min(n+1, 20)) {
				t.Errorf("the answer is %q (%v)", got, err)
			}
		}
		if _, page := p.send("GET", "/"); strings.Contains(page, "wish 0.") || !strings.Contains(page, "wish 20.") {
			t.Errorf("the page has not the last 20:\n%s", page)
		}
		_ = conn.CloseNow()
	})
}

// Another site's page orders nothing.
func TestOtherSite(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/order", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		response, err := p.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("status %d", response.StatusCode)
		}
	})
}

// A job that waits for its session does not hold the end of the program.
func TestJobWaits(t *testing.T) {
	t.Parallel()
	onEachFor(t, time.Second, func(p program) {
		p.send("GET", "/")
		err := p.m.Do(t.Context(), p.id(), session.Exclusive, func(*session.Session) error {
			p.send("POST", "/order")
			p.stop()
			began := time.Now()
			if err := p.ended(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("the end took %v", took)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
