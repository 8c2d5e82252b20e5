package promsession_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/berthgo/berth/adapters/promsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// One life with everything in it, and what the metrics then say.
func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, session.Options{
			App: "shop", TrackEnd: true, Timeout: 5 * time.Minute, EndAttempts: 2, LockWait: time.Second,
			LockTTL: 10 * time.Second, LockHold: 20 * time.Second, RetryTimeout: time.Second, FailSilently: true,
		})
		look := func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) }
		set := func(w http.ResponseWriter, r *http.Request) {
			look(w, r)
			cart.Set(session.FromContext(r.Context()), "a value that nobody may see")
		}
		s.serve(t, nil, set) // created
		ann, bob := s.SignIn("ann", sessiontest.Values{"cart": "tea"}), s.SignIn("bob", nil)
		s.serve(t, ann, set)  // saved
		s.serve(t, bob, look) // unchanged
		release := s.HoldElsewhere(ann)
		s.serve(t, ann, look) // in vain
		time.AfterFunc(500*time.Millisecond, release)
		s.serve(t, ann, look) // after a while
		restore := s.FailRedis()
		s.serve(t, bob, look) // detached, after two retries
		restore()
		s.serve(t, bob, func(w http.ResponseWriter, r *http.Request) { // a value that cannot be saved
			look(w, r)
			session.FromContext(r.Context()).Set("cart", func() {})
		})
		held, err := s.Manager.Begin(t.Context(), ann.Value, session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		if got := figures(t, s.registry); got["berth_session_held"] != 1 {
			t.Errorf("%v sessions are held", got["berth_session_held"])
		}
		time.Sleep(time.Minute) // lost
		held.Rollback(t.Context())
		if err := s.Manager.End(t.Context(), ann.Value); err != nil {
			t.Fatal(err)
		}
		var handedOut atomic.Int32
		s.handleEnds(t, func(_ context.Context, e session.Ended) error {
			if e.Principal == "bob" {
				return errors.New("never")
			}
			if handedOut.Add(1) == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()

		want := map[string]float64{
			"berth_begin_duration_seconds exclusive new": 1, "berth_begin_duration_seconds exclusive found": 5,
			"berth_begin_duration_seconds exclusive lock_timeout": 1, "berth_begin_duration_seconds exclusive detached": 1,
			"berth_commit_duration_seconds created": 1, "berth_commit_duration_seconds saved": 1,
			"berth_commit_duration_seconds unchanged": 3, "berth_commit_duration_seconds failed": 1, "berth_commit_size_bytes": 2,
			"berth_lock_wait_duration_seconds": 2, "berth_lock_hold_duration_seconds": 5, "berth_lease_lost_total": 1,
			"berth_session_created_total": 1, "berth_session_detached_total": 1, "berth_session_ended_total operator": 1,
			"berth_session_held": 0, "berth_request_waiting": 0, "berth_redis_retries_total": 2,
			"berth_errors_total begin lock_timeout": 1, "berth_errors_total begin connection": 1, "berth_errors_total encode value": 1,
			"berth_errors_total commit lock_lost": 1, "berth_errors_total handle_end _OTHER": 3,
			"berth_end_handled_total operator": 1, "berth_end_handled_total expired": 1, "berth_end_redelivered_total": 2, "berth_end_aside_total": 1,
			"berth_end_lag_seconds operator": 2, "berth_end_lag_seconds expired": 3,
		}
		if got := figures(t, s.registry); !maps.Equal(got, want) {
			for name, n := range got {
				if want[name] != n {
					t.Errorf("%s is %v, want %v", name, n, want[name])
				}
			}
			t.Errorf("there are %d figures, want %d", len(got), len(want))
		}
		for _, p := range lint(t, s.registry) {
			t.Errorf("promlint: %s", p)
		}
		if has := len(names(s.collector)); has != 17 {
			t.Errorf("%d metrics are described, and this test plays 17", has)
		}
	})
}

func lint(t *testing.T, from prometheus.Gatherer) (text []string) {
	t.Helper()
	problems, err := testutil.GatherAndLint(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		text = append(text, p.Metric+": "+p.Text)
	}
	return text
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{})
	s.serve(t, s.SignIn("ann", nil), func(http.ResponseWriter, *http.Request) {})
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "_duration_seconds") {
			checked++
			if first := f.GetMetric()[0].GetHistogram().GetBucket()[0].GetUpperBound(); first != .0001 {
				t.Errorf("the first bucket of %s is up to %v", f.GetName(), first)
			}
		}
	}
	if checked != 4 {
		t.Errorf("there are %d durations", checked)
	}
}

func TestUnregister(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{})
	look := func(http.ResponseWriter, *http.Request) {}
	s.serve(t, nil, look)
	if !s.collector.Unregister(s.registry) || s.collector.Unregister(s.registry) {
		t.Error("Unregister tells the wrong thing")
	}
	if got := figures(t, s.registry); len(got) != 0 {
		t.Errorf("there is still %v", got)
	}
	s.serve(t, nil, look)
	again := prometheus.NewRegistry()
	again.MustRegister(s.collector)
	if got := figures(t, again)["berth_begin_duration_seconds exclusive new"]; got != 1 {
		t.Errorf("it has counted %v begins, one of them before it was stopped", got)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	one, two := sessiontest.New(t, session.Options{App: "shop"}).Manager, sessiontest.New(t, session.Options{App: "shop"}).Manager
	registry := prometheus.NewRegistry()
	first := promsession.NewCollector(one, prometheus.Labels{"tenant": "a"})
	registry.MustRegister(first, promsession.NewCollector(two, prometheus.Labels{"tenant": "b"}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if len(f.GetMetric()) != 2 || f.GetMetric()[0].GetLabel()[0].GetValue() != "shop" {
			t.Errorf("%s has %v", f.GetName(), f.GetMetric())
		}
	}
	if err := registry.Register(promsession.NewCollector(one, prometheus.Labels{"tenant": "a"})); err == nil {
		t.Error("two collectors have the same labels")
	}
	for label, value := range map[string]string{"berth_access": "x", "": "x", "ok": "\xff"} {
		c := promsession.NewCollector(one, prometheus.Labels{label: value})
		if err := prometheus.NewRegistry().Register(c); err == nil {
			t.Errorf("%q=%q is registered", label, value)
		}
		if s, err := one.Begin(t.Context(), "", session.Exclusive); err == nil { // nobody observes with a wrong label
			s.Rollback(t.Context())
		}
		c.Stop()
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "after session.New") {
			t.Errorf("without a manager: %v", p)
		}
	}()
	promsession.NewCollector(nil, nil)
}
