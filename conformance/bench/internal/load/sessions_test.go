package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/load"
)

// A server that does not do what it says must not be measured.
func TestSessionsSeeThroughBrokenServers(t *testing.T) {
	t.Parallel()
	shape := load.Shape{Fields: 1, Size: 7}
	for what, c := range map[string]struct {
		work   load.Work
		answer string
		ok     bool
	}{
		"kept":                     {load.Change, "1 0", true},
		"forgot the change":        {load.Change, "0 0", false},
		"read":                     {load.Read, "0 7", true},
		"read nothing":             {load.Read, "0 0", false},
		"somebody else's":          {load.Read, "3 7", false},
		"no cookie":                {load.NoCookie, "0 0", true},
		"a session without cookie": {load.NoCookie, "0 7", false},
		"not an answer":            {load.Read, "oops", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/fill") {
				http.SetCookie(w, &http.Cookie{Name: "id", Value: "x"})
				fmt.Fprint(w, "0 7")
				return
			}
			fmt.Fprint(w, c.answer)
		}))
		client, err := load.Dial(server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := load.NewSessions(client, shape, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := sessions.Do(client, c.work); (err == nil) != c.ok {
			t.Errorf("%s: %v, want an error: %t", what, err, !c.ok)
		}
		_ = client.Close()
		server.Close()
	}
}

func TestDoWantsStatus200(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no session", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	client, err := load.Dial(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Do(load.Request("GET", "/read", "")); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want an error with the status", err)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const window, each = 5 * time.Millisecond, time.Millisecond
		r, err := load.Run(3, window, func(int) error {
			time.Sleep(each) // of the bubble's time: a request
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Counts, []int{5, 5, 5}) || r.Elapsed != window || r.Latency.TotalCount() != 15 ||
			time.Duration(r.Latency.ValueAtQuantile(50)).Round(each/100) != each {
			t.Errorf("got %+v, p50 %d", r, r.Latency.ValueAtQuantile(50))
		}
	})
	if _, err := load.Run(2, time.Minute, func(client int) error { return fmt.Errorf("client %d", client) }); err == nil {
		t.Error("an error did not end the run")
	}
	if r, err := load.Run(2, 0, func(int) error { return nil }); err != nil || r.Count() != 2 {
		t.Errorf("without time: %+v, %v, want a request of each client", r.Counts, err)
	}
}
