package promsession_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Under load, each scrape lies between what Stats says before and after it; in the end both agree. An event
// comes right after Stats has counted it, so before a scrape it may lag by what is under way.
func TestScrapeAgreesWithStats(t *testing.T) {
	t.Parallel()
	const clients, requests, sessions = 8, 60, 3
	s := setup(t, session.Options{TrackEnd: true, FailSilently: true})
	s.handleEnds(t, func(context.Context, session.Ended) error { return nil })
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.Handle("/", httpsession.Middleware(s.Manager)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		one := session.FromContext(r.Context())
		switch r.URL.Path {
		case "/add":
			one.Set("n", session.GetOr(one, "n", 0)+1)
		case "/out":
			one.Abandon()
		case "/panic":
			one.Rollback(r.Context())
		}
	})))
	server := httptest.NewServer(mux)
	defer server.Close()
	get := func(path string, cookie *http.Cookie) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Error(err)
			return ""
		}
		if cookie != nil {
			r.AddCookie(cookie)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		return string(body)
	}

	var cookies []*http.Cookie
	for range sessions {
		cookies = append(cookies, s.SignIn("ann", nil))
	}
	var load sync.WaitGroup // each client ends after its requests
	for c := range clients {
		load.Go(func() {
			for n := range requests {
				path := []string{"/add", "/add", "/look", "/panic"}[n%4]
				switch {
				case n%20 == 19:
					get("/add", nil) // makes a session
				case n == requests/2 && c == 0:
					restore := s.FailRedis()
					get("/look", cookies[0])
					restore()
				default:
					get(path, cookies[(c+n)%sessions])
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { // ends with the load
		load.Wait()
		get("/out", cookies[0])
		close(done)
	}()
	for scrapes, over := 0, false; !over || scrapes == 0; scrapes++ {
		select {
		case <-done:
			over = true
		default:
		}
		before := s.Manager.Stats()
		got := parse(t, get("/metrics", nil))
		after := s.Manager.Stats()
		slack := float64(clients)
		if over {
			slack = 0
		}
		low, high := compared(before), compared(after)
		for name := range low {
			if n := sum(got, name); n < low[name]-slack || n > high[name] {
				t.Fatalf("scrape %d: %s is %v, and Stats said %v before it and %v after it", scrapes, name, n, low[name], high[name])
			}
		}
	}
	now := s.Manager.Stats()
	if now.LockWaits == 0 || now.Created == 0 || now.Ended == 0 || now.Errors == 0 || now.Detached == 0 {
		t.Errorf("the load was none: %+v", now)
	}
	got := parse(t, get("/metrics", nil))
	if got["berth_session_held"] != 0 || got["berth_request_waiting"] != 0 {
		t.Errorf("in the end %v are held, and %v wait", got["berth_session_held"], got["berth_request_waiting"])
	}
}

// compared are the figures that Stats has too.
func compared(s session.Stats) map[string]float64 {
	return map[string]float64{
		"berth_begin_duration_seconds": float64(s.Begun + s.LockTimeouts), "berth_session_created_total": float64(s.Created),
		"berth_session_ended_total": float64(s.Ended), "berth_session_detached_total": float64(s.Detached),
		"berth_lock_wait_duration_seconds": float64(s.LockWaits), "berth_errors_total": float64(s.Errors),
		"berth_lease_lost_total": float64(s.LeasesLost), "berth_redis_retries_total": float64(s.Retries),
		"berth_end_redelivered_total": float64(s.EndsRedelivered), "berth_end_aside_total": float64(s.EndsAside),
	}
}

func parse(t *testing.T, page string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var list []*dto.MetricFamily
	for _, f := range families {
		list = append(list, f)
	}
	return read(list)
}
