package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Whoever presses Ctrl-C at a question leaves at once, and nothing has changed.
func TestInterruptAtAQuestion(t *testing.T) {
	r := rig.OnRedis(t)
	m := r.Manager(session.Options{})
	id := rig.Saved(t, m)
	c := at(t, r)
	ctx, interrupt := context.WithCancel(t.Context())
	typed, asked := io.Pipe()
	defer asked.Close()
	p := &program{
		in: typed, out: io.Discard, err: writer(interrupt), asks: true,
		env: func(name string) (string, bool) { v, there := c.env[name]; return v, there },
	}
	code := make(chan int, 1)
	go func() { code <- p.main(ctx, []string{"end", rig.HandleOf(id)}) }()
	select {
	case got := <-code:
		if got != exitUnwilling || !rig.Lives(t, m, id) {
			t.Errorf("exit code %d", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("berthctl waits for an answer after an interrupt")
	}
}

// writer hears of what is written.
type writer func()

func (w writer) Write(b []byte) (int, error) { w(); return len(b), nil }
