package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

// state is what a page knows of its session.
type state struct {
	Handle      string `json:"handle"` // "" without a session
	Fingerprint string `json:"fingerprint"`
	User        string `json:"user"`
	LeftMS      int64  `json:"leftMs"`
	// WhyOut is why the session before this one ended, if somebody has ended it.
	WhyOut  string `json:"whyOut"`
	Devices []own  `json:"devices"`
}

// own is a session of the same user.
type own struct {
	Handle string `json:"handle"`
	Name   string `json:"name"`
	IdleMS int64  `json:"idleMs"`
	This   bool   `json:"this"`
}

func (t story) state(ctx context.Context, _ shop.Request) shop.Answer {
	s := session.FromContext(ctx)
	got := state{WhyOut: string(s.PreviousEnd()), Devices: []own{}}
	if !saved(s) {
		return ok(got)
	}
	got.Handle, got.User, got.LeftMS = s.Handle(), s.Principal(), s.TimeLeft().Milliseconds()
	got.Fingerprint = fingerprint(s.ID())
	if got.User == "" {
		return ok(got)
	}
	sessions, err := t.Manager.SessionsOf(ctx, got.User, string(device))
	if err != nil {
		return t.shop.Failed(ctx, err)
	}
	for _, one := range sessions {
		got.Devices = append(got.Devices, own{
			one.Handle, device.GetOr(one.Session, "a browser"), one.Idle.Milliseconds(), one.Handle == got.Handle,
		})
	}
	return ok(got)
}

// saved tells whether a session was there before this request.
func saved(s *session.Session) bool { return !s.IsNew() && !s.Detached() }

// fingerprint is another for another ID, and tells nothing of it: 64 bits of a hash that serves nothing else.
func fingerprint(id string) string {
	sum := sha256.Sum256([]byte("the demo's picture of " + id))
	return hex.EncodeToString(sum[:8])
}
