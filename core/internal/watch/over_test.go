package watch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/session"
)

var errTired = errors.New("tired")

// A watch also ends with its ctx, with stop, and with the manager. The cause says so.
func TestEndsOfAWatch(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		ctx, cancel := context.WithCancelCause(t.Context())
		s := rig.View(t, m, id)
		byCtx, stop := s.Watch(ctx)
		defer stop()
		byStop, stop := s.Watch(t.Context())
		byClose, stopClosed := s.Watch(t.Context())
		defer stopClosed()
		time.Sleep(time.Minute)
		cancel(errTired)
		stop()
		stop()
		wantCause(t, errTired, byCtx)
		wantCause(t, context.Canceled, byStop)
		wantOpen(t, byClose)
		rig.WantErr(t, m.Close(), nil)
		wantCause(t, session.ErrClosed, byClose)
		late, stop := s.Watch(t.Context())
		defer stop()
		wantCause(t, session.ErrClosed, late)
		byHandle, stop := m.Watch(t.Context(), rig.HandleOf(id))
		defer stop()
		wantCause(t, session.ErrClosed, byHandle)
	})
}

// Close waits for no watcher, and can be called by whoever hears of an end or of a failed look.
func TestCloseByAWatcher(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		closed := make(chan error, 1)
		context.AfterFunc(watch(t, m, id), func() { closed <- m.Close() })
		rig.WantErr(t, m.End(t.Context(), id), nil)
		rig.WantErr(t, <-closed, nil)

		var failing *session.Manager
		client, away := r.NewClient(), &rig.Matching{}
		client.AddHook(away)
		failing = r.ManagerOn(client, session.Options{Hooks: session.Hooks{
			OnError: func(context.Context, error) { closed <- failing.Close() },
		}})
		watched := watch(t, failing, rig.Saved(t, failing))
		time.Sleep(time.Second)
		away.Each("_Timeout", rig.Refuse)
		rig.WantErr(t, <-closed, nil)
		wantCause(t, session.ErrClosed, watched)
	})
}

// errWrongType stands for what Redis says of a key of another type.
var errWrongType = errors.New("WRONGTYPE")

// A session that cannot be read any more ends its watches, with one line in the log, that has no secret.
func TestUnreadable(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, r *rig.Rig, id string)
		want  error
	}{
		"forged": {func(t *testing.T, r *rig.Rig, id string) {
			t.Helper()
			meta := strings.Replace(r.HGet(id, "_berth"), " ann", " root", 1)
			rig.WantErr(t, r.Client.HSet(t.Context(), r.Key(id, "Data"), "_berth", meta).Err(), nil)
		}, session.ErrForged},
		"another format": {func(t *testing.T, r *rig.Rig, id string) {
			t.Helper()
			rig.WantErr(t, r.Client.HSet(t.Context(), r.Key(id, "Data"), "_berth", "9 what").Err(), nil)
		}, store.ErrFormat},
		"another type": {func(t *testing.T, r *rig.Rig, id string) {
			t.Helper()
			rig.WantErr(t, r.Client.Set(t.Context(), r.Key(id, "Data"), "no hash", time.Hour).Err(), nil)
		}, errWrongType},
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				var log bytes.Buffer
				m := r.Manager(session.Options{
					EncryptionKeys: []session.EncryptionKey{bytes.Repeat([]byte("k"), 32)},
					Logger:         slog.New(slog.NewTextHandler(&log, nil)),
				})
				id := rig.SignIn(t, m, "ann")
				one, other, bystander := watch(t, m, id), watch(t, m, id), watch(t, m, rig.SignIn(t, m, "bob"))
				time.Sleep(time.Minute)
				wantOpen(t, one, other)
				c.spoil(t, r, id)
				for _, watched := range []context.Context{one, other} {
					cause := await(watched, t, name)
					if errors.Is(c.want, errWrongType) && strings.Contains(cause.Error(), "WRONGTYPE") {
						continue
					}
					if !errors.Is(cause, c.want) {
						t.Errorf("the cause is %v, want %v", cause, c.want)
					}
				}
				time.Sleep(time.Minute)
				wantOpen(t, bystander)
				synctest.Wait()
				_, secret, _ := strings.Cut(id, ".")
				if lines := strings.Count(log.String(), "\n"); lines != 1 || strings.Contains(log.String(), secret) {
					t.Errorf("the log has %d lines: %s", lines, log.String())
				}
			})
		})
	}
}

// A cause says what happened, and fits into the close frame of a WebSocket, which takes 123 bytes.
func TestCauseIsShort(t *testing.T) {
	t.Parallel()
	text := (&session.EndedError{Handle: "h", Reason: session.UserChanged}).Error()
	if want := "session: over for who watches it: user"; text != want || len(text) > 123 {
		t.Errorf("the text is %q", text)
	}
	if err := fmt.Errorf("closed: %w", &session.EndedError{}); !errors.Is(err, session.ErrEnded) || errors.Is(err, session.ErrUnknown) {
		t.Error("it is not ErrEnded alone")
	}
}
