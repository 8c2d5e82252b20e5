package promsession_test

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/promsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// A page that keeps a session, and what Prometheus reads after one visit.
func Example() {
	server, err := miniredis.Run() // your Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	m, err := session.New(client, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	registry := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	collector := promsession.NewCollector(m, nil)
	registry.MustRegister(collector)
	defer collector.Unregister(registry)

	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("/", httpsession.Middleware(m)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).Set("visits", 1)
	})))
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	get("/")
	for lines := bufio.NewScanner(get("/metrics").Body); lines.Scan(); {
		if strings.Contains(lines.Text(), "_count") || strings.HasPrefix(lines.Text(), "berth_session_") {
			fmt.Println(lines.Text())
		}
	}
	// Output:
	// berth_begin_duration_seconds_count{berth_access="exclusive",berth_app="shop",berth_outcome="new"} 1
	// berth_commit_duration_seconds_count{berth_app="shop",berth_outcome="created"} 1
	// berth_commit_size_bytes_count{berth_app="shop"} 1
	// berth_lock_hold_duration_seconds_count{berth_app="shop"} 0
	// berth_lock_wait_duration_seconds_count{berth_app="shop"} 0
	// berth_session_created_total{berth_app="shop"} 1
	// berth_session_detached_total{berth_app="shop"} 0
	// berth_session_held{berth_app="shop"} 0
}
