package tasks_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/tasks"
)

var errWrong = errors.New("this does not heal")

func TestLaterTriesUntilItSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := tasks.New(time.Minute)
		tries := 0
		all.Later(func(context.Context) error {
			if tries++; tries < 4 {
				return io.EOF
			}
			return nil
		})
		time.Sleep(10 * time.Second)
		all.Close()
		if tries != 4 {
			t.Errorf("%d tries, want 4", tries)
		}
	})
}

// What keeps failing ends with the patience, what cannot heal at once, and both with Close.
func TestLaterGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		close time.Duration // 0: not before the end
		tries int
	}{
		"the patience ends": {io.EOF, 0, 5}, // at 0, 20 ms, 1.02 s, 2.02 s and 3 s
		"it cannot heal":    {errWrong, 0, 1},
		"closed":            {io.EOF, 1500 * time.Millisecond, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := tasks.New(3 * time.Second)
				tries := 0
				all.Later(func(context.Context) error {
					tries++
					return c.err
				})
				if c.close > 0 {
					time.Sleep(c.close)
					all.Close()
				}
				time.Sleep(time.Minute)
				all.Close()
				if tries != c.tries {
					t.Errorf("%d tries, want %d", tries, c.tries)
				}
			})
		})
	}
}

// What must happen is tried for as long as it takes, unless it cannot heal.
func TestInsist(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := tasks.New(time.Second)
		back, done := time.Now().Add(24*time.Hour), false
		all.Insist(func(context.Context) error {
			if time.Now().Before(back) {
				return io.EOF
			}
			done = true
			return nil
		})
		wrong := 0
		all.Insist(func(context.Context) error {
			wrong++
			return errWrong
		})
		closed := 0
		time.Sleep(24*time.Hour + time.Second)
		all.Insist(func(context.Context) error {
			closed++
			return io.EOF
		})
		time.Sleep(1500 * time.Millisecond)
		all.Close()
		if !done || wrong != 1 || closed != 3 {
			t.Errorf("done: %v; %d tries of what cannot heal, %d until Close", done, wrong, closed)
		}
	})
}

// Close waits for a task, and not for what hears of its error.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := tasks.New(time.Minute)
		heard := make(chan error, 1)
		all.Go(func(context.Context) error {
			time.Sleep(time.Second)
			return errWrong
		}, func(err error) {
			time.Sleep(time.Minute)
			heard <- err
		})
		if !all.Add() {
			t.Fatal("is closed")
		}
		go func() {
			<-all.Context().Done()
			time.Sleep(2 * time.Second)
			all.Done()
		}()
		start := time.Now()
		all.Close()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("closed after %v", took)
		}
		if err := <-heard; !errors.Is(err, errWrong) {
			t.Errorf("heard %v", err)
		}
		if !errors.Is(context.Cause(all.Context()), tasks.ErrClosed) {
			t.Error("the context does not say why it ended")
		}
		all.Close()
	})
}

// After Close, each runs once, in the caller's own goroutine and within CleanupTime.
func TestAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := tasks.New(time.Minute)
		all.Close()
		if all.Add() || !all.Closed() {
			t.Error("still takes tasks")
		}
		ran := 0
		once := func(ctx context.Context) error {
			ran++
			<-ctx.Done()
			return io.EOF
		}
		start := time.Now()
		all.Later(once)
		var heard error
		all.Go(once, func(err error) { heard = err })
		if took := time.Since(start); ran != 2 || heard == nil || took != 2*tasks.CleanupTime {
			t.Errorf("ran %d times in %v, and the error is %v", ran, took, heard)
		}
	})
}
