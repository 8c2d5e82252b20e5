package session_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A failed read is never an empty session that a save would put
// in the place of the real one.
func TestFailSilently(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var seen []error
		m, f := r.Faulty(session.Options{FailSilently: true, Hooks: session.Hooks{
			OnError: func(_ context.Context, err error) { seen = append(seen, err) },
		}})
		id := saved(t, m, "n", 1)
		if at, err := m.LastError(); err != nil || !at.IsZero() {
			t.Errorf("before any, the last error is %v at %v", err, at)
		}
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			seen = nil
			time.Sleep(time.Minute)
			f.Then(refuse)
			s, err := m.Begin(ctx, id, access)
			if err != nil {
				t.Fatalf("%v: %v", access, err)
			}
			var failed *session.OpError
			if !s.Detached() || s.IsNew() || s.ID() != "" || s.Len() != 0 || !errors.As(s.Err(), &failed) {
				t.Errorf("%v: detached %v, Err %v", access, s.Detached(), s.Err())
			}
			if access != session.ReadOnly {
				s.Set("n", 5)
				if access == session.Exclusive && get[int](t, s, "n") != 5 {
					t.Errorf("%v: not usable", access)
				}
			}
			if access == session.Exclusive {
				commit(t, s)
			} else {
				s.Rollback(ctx)
			}
			if at, err := m.LastError(); !errors.Is(err, s.Err()) && access == session.Exclusive || time.Since(at) != 0 {
				t.Errorf("%v: the last error is %v at %v", access, err, at)
			}
			if len(seen) != 1 {
				t.Errorf("%v: the hook saw %v", access, seen)
			}
		}
		if s := view(t, m, id); get[int](t, s, "n") != 1 || s.Err() != nil {
			t.Error("the outage changed the session")
		}
		if st := m.Stats(); st.Detached != 3 || st.Errors != 3 {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestFailSilentlyAtCommit(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		seen := 0
		m, f := r.Faulty(session.Options{FailSilently: true, Hooks: session.Hooks{
			OnError: func(context.Context, error) { seen++ },
		}})
		id := saved(t, m, "n", 1)
		for name, c := range map[string]struct {
			change func(*session.Session)
			loud   bool
		}{
			"write":   {func(s *session.Session) { s.Set("n", 2) }, false},
			"sign in": {func(s *session.Session) { s.SetPrincipal("ann") }, true},
			"rotate":  {(*session.Session).Rotate, true},
			"abandon": {(*session.Session).Abandon, true},
		} {
			seen = 0
			s := begin(t, m, id, session.Exclusive)
			c.change(s)
			f.Then(refuse)
			var failed *session.OpError
			if err := s.Commit(context.Background()); errors.As(err, &failed) != c.loud {
				t.Errorf("%s: error is %v", name, err)
			}
			if s.Detached() == c.loud || s.Err() == nil || seen != 1 {
				t.Errorf("%s: detached %v, Err %v, %d seen", name, s.Detached(), s.Err(), seen)
			}
			s.Rollback(context.Background())
			synctest.Wait()
			if r.Exists(r.Key(id, "Lock")) {
				t.Errorf("%s: the lease was kept", name)
			}
			if get[int](t, view(t, m, id), "n") != 1 {
				t.Errorf("%s: had an effect", name)
			}
		}
	})
}

// Not being able to lock is never an empty session, nor is an unknown format, in
// either mode.
func TestFailSilentlyDoesNotHideWhatRedisDidNot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		for _, silently := range []bool{false, true} {
			m := r.Manager(session.Options{FailSilently: silently, LockWait: time.Second})
			id := saved(t, m, "n", 1)
			s := begin(t, m, id, session.Exclusive)
			_, err := m.Begin(ctx, id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
			s.Set("n", func() {})
			if err := s.Commit(ctx); err == nil {
				t.Error("what cannot be encoded was hidden")
			}
			if err := m.End(ctx, id); err != nil {
				t.Fatal(err)
			}
			s.Set("n", 2)
			wantErr(t, s.Commit(ctx), session.ErrEnded)

			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			id = saved(t, m)
			held := begin(t, m, id, session.Exclusive)
			if _, err := m.Begin(cancelled, id, session.Exclusive); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			commit(t, held)
		}
	})
}

func TestUnknownFormat(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{FailSilently: true})
		for name, meta := range map[string]string{
			"an earlier version": "1 1200000 5 - token ann",
			"a later version":    "3 whatever",
			"nonsense":           "xyz",
			"empty":              "",
			"cut off":            "2 1200000 5",
			"unknown extras":     "2 1200000 5 Z9 token ann",
		} {
			id := saved(t, m, "n", 1)
			if err := r.Client.HSet(ctx, r.Key(id, "Data"), "_berth", meta).Err(); err != nil {
				t.Fatal(err)
			}
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				if s, err := m.Begin(ctx, id, access); err == nil {
					t.Errorf("%s, %v: got a session, detached %v", name, access, s.Detached())
				} else if !strings.Contains(err.Error(), "format") {
					t.Errorf("%s, %v: the error does not say so: %v", name, access, err)
				}
			}
			until(t, "no lock is left behind", func() bool { return !r.Exists(r.Key(id, "Lock")) })
			if r.HGet(id, "_berth") != meta || r.HGet(id, "n") != "1" {
				t.Errorf("%s: the session was changed", name)
			}
		}
		// An operator finds them, beside what can be read, and can take them away.
		good, bad := saved(t, m), 0
		for info, err := range m.Sessions(ctx) {
			if err == nil {
				if info.Handle != handleOf(good) {
					t.Errorf("there is session %s", info.Handle)
				}
				continue
			}
			bad++
			if status, after := session.HTTPStatus(err); status != 500 || after != 0 {
				t.Errorf("the status is %d", status)
			}
			if err := info.End(ctx); err != nil || r.HGet(info.Handle, "n") != "" {
				t.Errorf("cannot be ended: %v", err)
			}
		}
		if bad != 6 {
			t.Errorf("%d cannot be read, want 6", bad)
		}
		foreign := session.NewID()
		r.Client.HSet(ctx, r.Key(foreign, "Data"), "n", 1)
		if _, err := m.Begin(ctx, foreign, session.Exclusive); err == nil {
			t.Error("took a hash that is not a session")
		}
	})
}

// No error and no log line holds a session ID, a value or an encryption key.
func TestNothingTellsTheID(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var told bytes.Buffer
		m, f := r.Faulty(session.Options{
			LockWait: time.Millisecond, MaxBytes: 1000,
			Logger: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		id := saved(t, m, "k", "secret-value")
		note := func(err error) {
			t.Helper()
			if err == nil {
				t.Error("no error")
				return
			}
			told.WriteString(err.Error() + "\n")
		}
		s := begin(t, m, id, session.Exclusive)
		_, err := m.Begin(ctx, id, session.Exclusive)
		note(err)
		_, err = session.Get[int](s, "k")
		note(err)
		s.Set("c", "secret-value"+strings.Repeat("x", 1000))
		note(s.Commit(ctx))
		s.Set("c", []any{"secret-value", func() {}})
		note(s.Commit(ctx))
		s.Set("c", 1)
		f.Then(refuse)
		note(s.Commit(ctx))
		r.Client.Del(ctx, r.Key(id, "Lock"))
		note(s.Commit(ctx))
		s = begin(t, m, id, session.Exclusive)
		s.Set("c", 1)
		s.Abandon()
		f.Then(answers("ERR unknown command 'evalsha', with args beginning with: '" + id + "'"))
		if err := s.Commit(ctx); err == nil {
			t.Error("no error")
		}
		s.Rollback(ctx)
		told.Reset() // what Redis quotes is another matter
		s = begin(t, m, id, session.Exclusive)
		s.Set("c", 1)
		_ = m.End(ctx, id)
		note(s.Commit(ctx))
		s.Set("c", "secret-value")
		note(s.Err())
		wrong := session.NewID()
		r.Client.Set(ctx, r.Key(wrong, "Data"), "secret-value", 0)
		_, err = m.Begin(ctx, wrong, session.Exclusive)
		note(err)
		note(m.End(ctx, id))
		for _, secret := range []string{id, id[27:], id[27:40], wrong[27:], "secret-value"} {
			if strings.Contains(told.String(), secret) {
				t.Errorf("%q was told in:\n%s", secret, told.String())
			}
		}
	})
}

// Nor does printing what holds them.
func TestPrintingTellsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var told bytes.Buffer
		secret := strings.Repeat("K", 32)
		o := session.Options{EncryptionKeys: []session.EncryptionKey{[]byte(secret)}}
		m := r.Manager(o)
		s := begin(t, m, saved(t, m, "k", "secret-value"), session.Exclusive)
		get[string](t, s, "k")
		logs := []*slog.Logger{slog.New(slog.NewTextHandler(&told, nil)), slog.New(slog.NewJSONHandler(&told, nil))}
		for _, v := range []any{s, m, o, &o, o.EncryptionKeys} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&told, verb+"\n", v)
			}
			for _, log := range logs {
				log.Info("x", "v", v)
			}
		}
		key := []byte(secret)
		for _, secret := range []string{
			s.ID(), secret, "secret-value", hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key), "75 75 75", "0x4b, 0x4b",
			hex.EncodeToString([]byte(s.ID())), s.ID()[27:], session.Proof(s.ID()),
		} {
			if strings.Contains(told.String(), secret) {
				t.Errorf("%q was told in:\n%s", secret, told.String())
			}
		}
		s.Rollback(context.Background())
	})
}

// An Abandon that an outage kept from happening is an error, also with FailSilently.
func TestAbandonIsNeverSilent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{FailSilently: true})
		warmUp(t, m)
		s := begin(t, m, saved(t, m), session.Exclusive)
		s.Abandon()
		f.Then(refuse)
		var failed *session.OpError
		if err := s.Commit(context.Background()); !errors.As(err, &failed) || !errors.Is(s.Err(), err) {
			t.Errorf("%v, %v", err, s.Err())
		}
	})
}
