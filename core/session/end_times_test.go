package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// within tells whether something came after at least one time and at most the other.
func within(t *testing.T, what string, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s after %v, want %v to %v", what, got, least, most)
	}
}

// An end comes within one sweep of its deadline, and one that failed within one sweep of
// the end of its claim.
func TestTimesOfEnds(t *testing.T) {
	const sweep, lease = 7 * time.Second, 20 * time.Second
	o := tracked(func(o *session.Options) { o.EndSweep, o.LockTTL, o.EndAttempts = sweep, lease, 4 })
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(o)
		var mu sync.Mutex
		var came []time.Time
		handleEnds(t, m, func(context.Context, session.Ended) error {
			mu.Lock()
			defer mu.Unlock()
			came = append(came, time.Now())
			return errors.New("the database is down")
		})
		time.Sleep(3 * time.Second) // so that sweeps and deadlines do not fall together
		last := time.Now().Add(o.Timeout)
		saved(t, m, "n", 1)
		time.Sleep(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(came) != 4 {
			t.Fatalf("handed out %d times, want 4", len(came))
		}
		within(t, "the end came", came[0].Sub(last), 0, sweep)
		for i, at := range came[1:] {
			within(t, "another try came", at.Sub(came[i]), lease, lease+sweep)
		}
	})
}

// What a process that died had claimed is another's when the claim runs out.
func TestTimeOfADeadClaim(t *testing.T) {
	const sweep = 4 * time.Second
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(tracked(func(o *session.Options) { o.EndSweep = sweep }))
		claim(r, saved(t, m, "n", 1)) // for 10 s, after the deadline
		claimed := time.Now()
		came := make(chan time.Time, 1)
		handleEnds(t, m, func(context.Context, session.Ended) error {
			came <- time.Now()
			return nil
		})
		within(t, "the end came", (<-came).Sub(claimed), 10*time.Second, 10*time.Second+sweep)
	})
}
