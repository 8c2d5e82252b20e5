package gate_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/berthgo/berth/core/internal/gate"
)

// Many come and go, and some give up. One at a time is inside. At the end the gate is free.
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
	p.Vouch("badge")
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

// A gate knows only the badge of the last one inside. While the one inside has no badge, it takes
// nobody's place.
func TestBadges(t *testing.T) {
	t.Parallel()
	var gates gate.Gates
	stranger := gates.TryEnter("key")
	if gates.Knows("key", "") || gates.Knows("key", "badge") || gates.Knows("other", "badge") {
		t.Error("somebody is known")
	}
	waits := make(chan error, 2)
	enter := func() {
		p, err := gates.Enter(t.Context(), "key", 1)
		waits <- err
		if err == nil {
			p.Leave()
		}
	}
	for range 2 {
		go enter() // one may wait, and one more as the one inside is a stranger
	}
	for gates.Waiting("key") < 2 {
		runtime.Gosched()
	}
	if _, err := gates.Enter(t.Context(), "key", 1); !errors.Is(err, gate.ErrFull) {
		t.Errorf("a third one: %v", err)
	}
	brief := make(chan error, 1)
	gates2 := &gate.Gates{}
	inside := gates2.TryEnter("key")
	go func() { _, err := gates2.Enter(t.Context(), "key", 0); brief <- err }()
	for gates2.Waiting("key") < 1 {
		runtime.Gosched()
	}
	inside.Vouch("badge")
	if err := <-brief; !errors.Is(err, gate.ErrFull) {
		t.Errorf("one that is not to wait, when the stranger is none: %v", err)
	}
	stranger.Vouch("badge")
	if !gates.Knows("key", "badge") || gates.Knows("key", "other") || gates.Knows("key", "") {
		t.Error("the badge is not what is known")
	}
	stranger.Leave()
	for range 2 {
		if err := <-waits; err != nil {
			t.Error(err)
		}
	}
	if gates.TryEnter("key"); gates.Knows("key", "badge") {
		t.Error("a badge outlives the gate")
	}
}
