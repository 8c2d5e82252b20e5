package rig

import (
	"testing"

	"github.com/berthgo/berth/core/internal/mini"
)

// OnMini returns a rig on a miniredis of its own.
func OnMini(t *testing.T) *Rig { return onMini(t, false) }

func onMini(t *testing.T, bubble bool) *Rig {
	r := New(t)
	r.bubble = bubble
	server := mini.New()
	t.Cleanup(server.Close)
	r.Mini, r.Dial = server.Miniredis, server.DialContext
	r.Client = r.NewClient()
	return r
}
