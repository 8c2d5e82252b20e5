package gate_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/berthgo/berth/core/internal/gate"
)

// Many come and go, some of them giving up: one at a time is inside, and at the
// end the gate is free.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	var gates gate.Gates
	inside := 0
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				if (i+j)%3 == 0 {
					cancel()
				}
				p, err := gates.Enter(ctx, "key", 1000)
				if err == nil {
					inside++ // the race detector watches
					if inside != 1 {
						t.Error("two are inside")
					}
					inside--
					p.Leave()
					p.Leave()
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if gates.TryEnter("key") == nil {
		t.Error("the gate is still taken")
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	var gates gate.Gates
	p := gates.TryEnter("key")
	if gates.TryEnter("key") != nil || gates.TryEnter("other") == nil {
		t.Error("gates are not apart")
	}
	if _, err := gates.Enter(t.Context(), "key", 0); !errors.Is(err, gate.ErrFull) {
		t.Errorf("error is %v", err)
	}
	p.Leave()
	if _, err := gates.Enter(t.Context(), "key", 0); err != nil {
		t.Errorf("error is %v", err)
	}
}
