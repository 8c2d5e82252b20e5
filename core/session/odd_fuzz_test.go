package session_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A Redis that answers anything signs nobody in, as long as there are encryption keys that it does not have:
// there are errors, and new sessions. Nothing panics, nothing waits for ever, and no value is read.
func FuzzOddRedis(f *testing.F) {
	live := []byte{0, 8, 2, 1, 1, 8, 4, 3, 5, 3, 0, 3, 6, 4, 5, 'p', 'r', 'o', 'o', 'f'}
	for which := 0; which < 256; which += 5 {
		for _, answers := range [][]byte{nil, {0, 1, 1}, live, bytes.Repeat(live, 4), bytes.Repeat([]byte{0, 1, 1, 4, 3, 5, 3, 0, 3, 6, 3, 1}, 4), bytes.Repeat([]byte{0, 1, 99}, 8), {240}, {0, 1, 4, 1, 3, 5, 3, 2}} {
			f.Add(byte(which), answers)
		}
	}
	id := session.NewID()
	f.Fuzz(func(t *testing.T, which byte, answers []byte) {
		client := support.NewOddServer(answers)
		defer func() { _ = client.Close() }()
		m, err := session.New(client, session.Options{
			LockWait: -1, LockTTL: time.Second, TrackEnd: which&1 != 0,
			EncryptionKeys: []session.EncryptionKey{[]byte(strings.Repeat("k", 32))},
			Logger:         slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = m.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		use := func(s *session.Session) error {
			if !s.IsNew() && (s.Principal() != "" || !s.AuthenticatedAt().IsZero()) {
				t.Error("somebody is signed in")
			}
			for _, key := range s.Keys() {
				if v, err := session.Get[any](s, key); err == nil && v != nil {
					t.Errorf("the value %v was read", v)
				}
			}
			s.Set("n", 1)
			if which&2 != 0 {
				s.SetPrincipal("ann")
			}
			if which&4 != 0 {
				s.Abandon()
			}
			return nil
		}
		switch access := []session.Access{session.Exclusive, session.Shared, session.ReadOnly, session.Peek}[which>>4&3]; which >> 6 {
		case 0:
			_ = m.Do(ctx, id, access, use)
		case 1:
			err := m.DoHandle(ctx, id[:26], access, func(s *session.Session) error { return use(s) })
			if err == nil && len(answers) == 0 {
				t.Error("a session that is not there was found")
			}
		case 2:
			_, _ = m.SessionsOf(ctx, "ann", "n")
			_, _ = m.EndAll(ctx, "ann")
			_ = m.EndHandle(ctx, id[:26])
			_, _ = m.Inspect(ctx, id[:26], "n")
			_, _ = m.SessionPage(ctx, "", "n")
		default:
			_, _ = m.EndAside(ctx, id[:26])
			_, _ = m.CountEnds(ctx)
			for _, err := range m.EndsAside(ctx) {
				if err != nil {
					break
				}
			}
			_ = m.Ping(ctx)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error("it takes longer than 5 seconds")
		}
	})
}
