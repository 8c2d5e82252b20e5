package otelsession_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

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
		const secretValue = "a value that nobody may see"
		var ids []string
		set := func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Millisecond) // or else nothing is held for any time
			one := session.FromContext(r.Context())
			cart.Set(one, secretValue)
			if one.IsNew() {
				_ = one.Commit(r.Context())
			}
			ids = append(ids, one.ID())
		}
		look := func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) }
		s.serve(t, nil, set) // created
		ann := s.SignIn("ann", sessiontest.Values{"cart": "tea"})
		bob := s.SignIn("bob", nil)
		s.serve(t, ann, set)  // saved
		s.serve(t, bob, look) // unchanged
		release := s.HoldElsewhere(ann)
		s.serve(t, ann, look) // in vain
		time.AfterFunc(500*time.Millisecond, release)
		s.serve(t, ann, look) // after a while
		restore := s.FailRedis()
		s.serve(t, bob, look) // detached, after two retries
		restore()
		s.serve(t, bob, func(_ http.ResponseWriter, r *http.Request) { // a value that cannot be saved
			time.Sleep(time.Millisecond)
			session.FromContext(r.Context()).Set("cart", func() {})
		})
		held, err := s.Manager.Begin(t.Context(), ann.Value, session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.figures(t); got["berth.session.held"] != 1 {
			t.Errorf("%d sessions are held", got["berth.session.held"])
		}
		time.Sleep(time.Minute) // lost
		held.Rollback(t.Context())
		if err := s.Manager.End(t.Context(), ann.Value); err != nil {
			t.Fatal(err)
		}
		n := 0
		s.handleEnds(t, func(_ context.Context, e session.Ended) error {
			if n++; e.Principal == "bob" {
				return errors.New("never")
			}
			if n == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()

		want := map[string]int64{
			"berth.begin.duration exclusive new": 1, "berth.begin.duration exclusive found": 5,
			"berth.begin.duration exclusive lock_timeout": 1, "berth.begin.duration exclusive detached": 1,
			"berth.commit.duration created": 1, "berth.commit.duration saved": 1, "berth.commit.duration unchanged": 3,
			"berth.commit.duration failed": 1, "berth.commit.size": 2,
			"berth.lock.wait.duration": 2, "berth.lock.hold.duration": 5, "berth.lease.lost": 1,
			"berth.session.created": 1, "berth.session.detached": 1, "berth.session.ended operator": 1,
			"berth.session.held": 0, "berth.request.waiting": 0, "berth.redis.retries": 2,
			"berth.errors begin lock_timeout": 1, "berth.errors begin connection": 1, "berth.errors encode value": 1,
			"berth.errors commit lock_lost": 1, "berth.errors handle_end _OTHER": 3,
			"berth.end.handled operator": 1, "berth.end.handled expired": 1, "berth.end.redelivered": 2, "berth.end.aside": 1,
			"berth.end.lag operator": 2, "berth.end.lag expired": 3,
		}
		got := s.figures(t)
		for name := range maps.Keys(got) {
			if _, ok := want[name]; !ok {
				t.Errorf("%s is %d, and nobody expects it", name, got[name])
			}
		}
		for name, n := range want {
			if got[name] != n {
				t.Errorf("%s is %d, want %d", name, got[name], n)
			}
		}
		s.agree(t, got)

		spans, metrics := s.everything(t)
		for _, id := range append(ids, ann.Value, bob.Value) {
			handle, secret, _ := strings.Cut(id, ".")
			if id == "" || strings.Contains(spans+metrics, secret) {
				t.Errorf("a secret is told, or there is none: %q", id)
			}
			if strings.Contains(metrics, handle) {
				t.Error("a handle is in the metrics")
			}
		}
		for _, text := range []string{secretValue, "cart", "bob", "func()", "never", "not yet", "refused"} {
			if strings.Contains(spans+metrics, text) {
				t.Errorf("%q is told", text)
			}
		}
	})
}

// agree compares figures with Stats.
func (s *site) agree(t *testing.T, got map[string]int64) {
	t.Helper()
	sum := func(name string) (n uint64) {
		for key, value := range got {
			if key == name || strings.HasPrefix(key, name+" ") {
				n += uint64(value)
			}
		}
		return n
	}
	now := s.Manager.Stats()
	for name, want := range map[string]uint64{
		"berth.begin.duration": now.Begun + now.LockTimeouts, "berth.session.created": now.Created,
		"berth.session.ended": now.Ended, "berth.session.detached": now.Detached, "berth.lock.wait.duration": now.LockWaits,
		"berth.lease.lost": now.LeasesLost, "berth.redis.retries": now.Retries, "berth.errors": now.Errors,
		"berth.end.handled": now.EndsHandled, "berth.end.redelivered": now.EndsRedelivered, "berth.end.aside": now.EndsAside,
	} {
		if n := sum(name); n != want {
			t.Errorf("%s is %d, and Stats says %d", name, n, want)
		}
	}
}

func TestUnitsAndBuckets(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{})
	s.serve(t, s.SignIn("ann", nil), func(_ http.ResponseWriter, r *http.Request) {
		cart.Set(session.FromContext(r.Context()), "tea")
	})
	units := map[string]string{}
	for _, m := range s.metrics(t) {
		units[m.Name] = m.Unit
		if m.Description == "" {
			t.Errorf("%s has no description", m.Name)
		}
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok && h.DataPoints[0].Bounds[0] != .0001 {
			t.Errorf("%s has the buckets %v", m.Name, h.DataPoints[0].Bounds)
		}
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "berth.session.held" && sum.IsMonotonic {
			t.Errorf("%s only grows", m.Name)
		}
	}
	want := map[string]string{
		"berth.begin.duration": "s", "berth.commit.duration": "s", "berth.lock.hold.duration": "s", "berth.commit.size": "By",
		"berth.session.held": "{session}", "berth.request.waiting": "{request}",
	}
	if fmt.Sprint(units) != fmt.Sprint(want) {
		t.Errorf("the units are %v, want %v", units, want)
	}
}
