package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// OnError may close the manager, also when HandleEnd tells it of a handler, of the sweep, or of what
// could not be settled.
func TestCloseInOnErrorOfHandleEnd(t *testing.T) {
	for name, c := range map[string]struct {
		handle error
		fails  string // part of a key
	}{
		"handler": {errors.New("handler"), "no such key"},
		"sweep":   {nil, "_Ends_"},
		"settle":  {nil, "_Claim"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				var m *session.Manager
				closed := make(chan error, 100)
				m, on := r.Matching(session.Options{
					TrackEnd: true, Timeout: time.Minute,
					Hooks: session.Hooks{OnError: func(context.Context, error) { closed <- m.Close() }},
				})
				saved(t, m)
				handled := make(chan struct{}, 100)
				ended := make(chan error, 1)
				if name == "sweep" {
					on.Each(c.fails, refuse)
				}
				go func() {
					ended <- m.HandleEnd(context.Background(), func(context.Context, session.Ended) error {
						if name == "settle" {
							on.Each(c.fails, refuse)
						}
						handled <- struct{}{}
						return c.handle
					})
				}()
				select {
				case err := <-ended:
					if !errors.Is(err, session.ErrClosed) {
						t.Errorf("HandleEnd returned %v", err)
					}
				case <-time.After(time.Hour):
					t.Error("HandleEnd and Close wait for each other")
				}
				if err := <-closed; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
