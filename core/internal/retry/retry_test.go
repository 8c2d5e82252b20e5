package retry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/retry"
)

// answer is an error reply of a server.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

var _ redis.Error = answer("")

// The schedule is 20 ms, then every second, and one last try at the end.
func TestSchedule(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration][]time.Duration{
		0:                       {0},
		10 * time.Millisecond:   {0, 10 * time.Millisecond},
		time.Second:             {0, 20 * time.Millisecond, time.Second},
		2500 * time.Millisecond: {0, 20 * time.Millisecond, 1020 * time.Millisecond, 2020 * time.Millisecond, 2500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var tries []time.Duration
			err := retry.Repeat(t.Context(), nil, timeout, retry.Heals, func(attempt int) error {
				if attempt != len(tries) {
					t.Errorf("attempt %d after %d tries", attempt, len(tries))
				}
				tries = append(tries, time.Since(start))
				return io.EOF
			})
			if !errors.Is(err, io.EOF) || !slices.Equal(tries, want) {
				t.Errorf("%v: tried at %v, want %v; the error is %v", timeout, tries, want, err)
			}
		})
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		close(stop)
		fails := func(int) error { return io.EOF }
		if err := retry.Repeat(t.Context(), stop, time.Minute, retry.Heals, fails); !errors.Is(err, retry.ErrStopped) || !errors.Is(err, io.EOF) {
			t.Errorf("stopped: %v", err)
		}
		reason := errors.New("the client hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		start := time.Now()
		if err := retry.Repeat(ctx, nil, time.Minute, retry.Heals, fails); !errors.Is(err, reason) || !errors.Is(err, io.EOF) || time.Since(start) != time.Second {
			t.Errorf("cancelled: %v after %v", err, time.Since(start))
		}
	})
}

// Dead connections do not count: a call goes on at once until none can be left.
func TestDeadConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ idle, dead, tries int }{{0, 1, 2}, {0, 2, 2}, {5, 6, 7}, {5, 100, 7}} {
		tries, retried := 0, 0
		caller := &retry.Caller{Idle: func() int { return c.idle }, OnRetry: func(context.Context, int, error) { retried++ }}
		err := caller.Call(t.Context(), nil, func(attempt int) error {
			if attempt != tries {
				t.Errorf("attempt %d after %d tries", attempt, tries)
			}
			if tries++; tries <= c.dead {
				return io.EOF
			}
			return nil
		})
		var failed *retry.Failure
		if tries != c.tries || retried != c.tries-1 || (err == nil) != (c.tries > c.dead) || err != nil && !errors.As(err, &failed) {
			t.Errorf("%d idle, %d dead: %d tries, %d retries, error %v", c.idle, c.dead, tries, retried, err)
		}
	}
}

func TestWhatErrorsMean(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	timeout := &net.OpError{Op: "read", Err: context.DeadlineExceeded}
	for _, c := range []struct {
		err                    error
		heals, broken, inDoubt bool
	}{
		{nil, false, false, false},
		{io.EOF, true, true, true},
		{reset, true, true, true},
		{timeout, true, false, true},
		{dial, true, false, false},
		{redis.ErrPoolTimeout, true, false, false},
		{redis.ErrClosed, false, false, true},
		{context.Canceled, false, false, true},
		{answer("LOADING Redis is loading the dataset in memory"), true, false, false},
		{answer("READONLY You can't write against a read only replica."), true, false, false},
		{answer("ERR Error running script: -READONLY You can't write against a read only replica."), true, false, false},
		{answer("ERR max number of clients reached"), true, false, false},
		{answer("WRONGTYPE Operation against a key holding the wrong kind of value"), false, false, false},
		{answer("NOPERM this user has no permissions"), false, false, false},
		{answer("WRONGPASS invalid username-password pair"), false, false, false},
		{errors.New("of the program"), false, false, true},
	} {
		heals, broken, inDoubt := retry.Heals(c.err), retry.Broken(c.err), retry.InDoubt(c.err)
		if heals != c.heals || broken != c.broken || inDoubt != c.inDoubt {
			t.Errorf("%v: heals %t, broken %t, in doubt %t; want %t, %t, %t", c.err, heals, broken, inDoubt, c.heals, c.broken, c.inDoubt)
		}
	}
}
