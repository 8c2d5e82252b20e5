package ends_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
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
	o := rig.Tracked(func(o *session.Options) { o.EndSweep, o.LockTTL, o.EndAttempts = sweep, lease, 4 })
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(o)
		var mu sync.Mutex
		var came []time.Time
		rig.HandleEnds(t, m, func(context.Context, session.Ended) error {
			mu.Lock()
			defer mu.Unlock()
			came = append(came, time.Now())
			return errors.New("the database is down")
		})
		time.Sleep(3 * time.Second) // so that sweeps and deadlines do not fall together
		last := time.Now().Add(o.Timeout)
		rig.Saved(t, m, "n", 1)
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.EndSweep = sweep }))
		claim(r, rig.Saved(t, m, "n", 1)) // for 10 s, after the deadline
		claimed := time.Now()
		came := make(chan time.Time, 1)
		rig.HandleEnds(t, m, func(context.Context, session.Ended) error {
			came <- time.Now()
			return nil
		})
		within(t, "the end came", (<-came).Sub(claimed), 10*time.Second, 10*time.Second+sweep)
	})
}

// While Redis is away, looking for ends costs no more than a line in the log for each
// time.
func TestLogOfAnOutage(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		t.Cleanup(func() { time.Sleep(2 * time.Second) }) // until the client has seen that it is closed
		r.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		var told bytes.Buffer
		m := r.Manager(rig.Tracked(func(o *session.Options) {
			o.EndNotifications = true
			o.Logger = slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}))
		var h rig.Endings
		stop := rig.HandleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Minute)
		stop()
		// It looks every EndSweep, which is 5 s, or up to twice as often.
		if n := bytes.Count(told.Bytes(), []byte("\n")); n < 120 || n > 241 {
			t.Errorf("%d lines in ten minutes", n)
		}
	})
}
