package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// With encryption keys, whoever writes Redis can neither sign in as somebody else nor give a
// session another secret, time or application: that is an error, and not a session.
func TestForgedSessions(t *testing.T) {
	key := session.EncryptionKey("0123456789abcdef")
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{key}, FailSilently: true, LockWait: -1})
		plain := r.Manager(session.Options{})
		set := func(id string, pairs ...any) {
			if err := r.Client.HSet(ctx, r.Key(id, "Data"), pairs...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		facts := func(id, old, replacement string) {
			set(id, "_berth", strings.Replace(r.HGet(id, "_berth"), old, replacement, 1))
		}
		mallory := signIn(t, m, "mallory")
		for name, forge := range map[string]func(id string) string{
			"principal":     func(id string) string { facts(id, " ann", " root"); return id },
			"authenticated": func(id string) string { facts(id, "a1", "a2"); return id },
			"no principal":  func(id string) string { facts(id, " ann", " "); return id },
			"own secret": func(id string) string {
				own := handleOf(id) + session.NewID()[26:]
				set(id, "_berth_secret", session.Proof(own))
				return own
			},
			"another's MAC":      func(id string) string { set(id, "_berth_mac", r.HGet(mallory, "_berth_mac")); return id },
			"no MAC":             func(id string) string { r.Client.HDel(ctx, r.Key(id, "Data"), "_berth_mac"); return id },
			"empty MAC":          func(id string) string { set(id, "_berth_mac", ""); return id },
			"saved without keys": func(string) string { return signIn(t, plain, "ann") },
			"another application": func(string) string {
				other := r.Manager(session.Options{App: r.App + "-b", EncryptionKeys: []session.EncryptionKey{key}})
				id := signIn(t, other, "ann")
				fields := r.Client.HGetAll(ctx, strings.Replace(r.Key(id, "Data"), r.App, r.App+"-b", 1)).Val()
				for field, value := range fields {
					set(id, field, value)
				}
				return id
			},
		} {
			id := forge(signIn(t, m, "ann"))
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				_, err := m.Begin(ctx, id, access)
				wantForged(t, name, err)
				wantForged(t, name, m.DoHandle(ctx, handleOf(id), access, nil))
			}
			until(t, "no lease is left", func() bool { return !r.Exists(r.Key(id, "Lock")) })
			if err := m.EndHandle(ctx, handleOf(id)); err != nil {
				t.Errorf("%s: cannot be ended: %v", name, err)
			}
		}

		// What berth itself writes is no forgery, whatever it is.
		id := signIn(t, m, "ann")
		for _, change := range []func(s *session.Session){
			(*session.Session).Rotate, (*session.Session).Reauthenticated,
			func(s *session.Session) { s.SetTimeout(time.Hour); s.Set("n", 1) },
			func(s *session.Session) { s.SetPrincipal("bob") },
			func(s *session.Session) { s.SetPrincipal("") },
			func(s *session.Session) { s.Clear() },
		} {
			s := begin(t, m, id, session.Exclusive)
			change(s)
			commit(t, s)
			id = s.ID()
			s = begin(t, m, id, session.Shared)
			s.Set("n", 2)
			commit(t, s)
		}
	})
}

func wantForged(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), session.ErrForged.Error()) {
		t.Errorf("%s: error is %v", name, err)
	}
}

// A forged session does not wait for the one that is held: it is told at once.
func TestForgedSessionDoesNotWait(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		key := session.EncryptionKey("0123456789abcdef")
		m := r.Manager(session.Options{LockWait: time.Minute, EncryptionKeys: []session.EncryptionKey{key}})
		id := saved(t, m)
		held := begin(t, m, id, session.Exclusive)
		forged := handleOf(id) + session.NewID()[26:]
		r.Client.HSet(context.Background(), r.Key(id, "Data"), "_berth_secret", session.Proof(forged))
		start := time.Now()
		_, err := m.Begin(context.Background(), forged, session.Exclusive)
		wantErr(t, err, session.ErrForged)
		if took := time.Since(start); took > 30*time.Second || m.Stats().LockWaits != 0 {
			t.Errorf("waited for %v", took)
		}
		held.Rollback(context.Background())
	})
}

// SessionsOf shows no session as the user's that somebody with Redis alone has given to the user.
func TestSessionsOfShowsNoForgedSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef0123456789abcdef")}})
		signIn(t, m, "ann")
		id := signIn(t, m, "eve")
		meta := r.HGet(id, "_berth")
		if err := r.Client.HSet(t.Context(), r.Key(id, "Data"), "_berth", meta[:len(meta)-3]+"ann").Err(); err != nil {
			t.Fatal(err)
		}
		if err := r.Client.ZAdd(t.Context(), r.PrincipalKey("ann"), redis.Z{Score: float64(time.Now().UnixMilli()), Member: handleOf(id)}).Err(); err != nil {
			t.Fatal(err)
		}
		infos, err := m.SessionsOf(t.Context(), "ann")
		if err != nil || len(infos) != 1 {
			t.Errorf("ann has %d sessions, %v", len(infos), err)
		}
	})
}
