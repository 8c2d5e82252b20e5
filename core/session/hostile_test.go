package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A principal may be anything.
func TestStrangePrincipals(t *testing.T) {
	r := onReal(t)
	ctx := context.Background()
	m := r.Manager(session.Options{TrackEnd: true, MaxPerPrincipal: 2, MaxLifetime: time.Hour, EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}})
	for _, p := range []string{" ", "  ", "=", "=ann", "a\nb", "a\x00b", "\x00", "%d", "%1", "%", "ann bob", "ann}", "{ann}", "*", "\xff\xfe", "\n", "-", "2 retired x y", "a1r5", strings.Repeat("p", 100000), "_Data", "x}_Data"} {
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal(p)
		s.Set("k=%1\n\x00", "v")
		s.SetCompanion("=" + p)
		commit(t, s)
		if got := r.Client.Get(ctx, s.Handle()).Val(); got != "="+p {
			t.Errorf("%.20q: companion %.20q", p, got)
		}
		s = begin(t, m, s.ID(), session.Exclusive)
		if s.Principal() != p || get[string](t, s, "k=%1\n\x00") != "v" {
			t.Errorf("%.20q: %.20q", p, s.Principal())
		}
		s.Reauthenticated()
		s.Delete("k=%1\n\x00")
		s.Set("%S", 1)
		commit(t, s)
		if infos, err := m.SessionsOf(ctx, p); err != nil || len(infos) != 1 || infos[0].Principal != p {
			t.Errorf("%.20q: %v %v", p, infos, err)
		}
		if n, err := m.EndAll(ctx, p); n != 1 || err != nil {
			t.Errorf("%.20q: ended %d %v", p, n, err)
		}
	}
}

// Garbage in Redis: no panic, no lease left.
func TestGarbage(t *testing.T) {
	r := onReal(t)
	ctx := context.Background()
	for on, o := range map[string]session.Options{
		"plain":   {LockWait: -1},
		"tracked": {LockWait: -1, TrackEnd: true, MaxLifetime: time.Hour, MaxPerPrincipal: 1},
		"keys":    {LockWait: -1, EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}},
	} {
		m := r.Manager(o)
		created := fmt.Sprint(time.Now().UnixMilli())
		for _, meta := range []string{
			"", " ", "2", "2 ", "2 retired", "2 retired ", "2 retired  ", "2 retired x", "2 retired x operator", "2 retired x operator -", "2 retired x Y z",
			"2 0 0 - t ", "2 0 0 - t ann", "2 99999999999999999999 1 - t ann", "2 1200000 99999999999999999999 - t ann", "2 9223372036854775807 1 - t ann",
			"2 1200000 " + created + " r99999999999999999999 t ann", "2 1200000 " + created + " r0 t ann", "2 1200000 " + created + " a99999999999999999999 t ann",
			"2 1200000 " + created + " a1a2 t ann", "2 1200000 " + created + " c1c0c1 t ann", "2 1200000 " + created + " zzz t ann", "2 1200000 " + created + " - t",
			"2 1200000 " + created + " -", "2  1200000 " + created + " - t ann", "2 1200000 " + created + " %d t ann", "2 ended x 1 1 0 1 1 ann", "1 1 1 - t ann", "3 1 1 - t ann",
			strings.Repeat("2 ", 100000), "2 1200000 " + created + " " + strings.Repeat("a1", 50000) + " t ann",
		} {
			for _, secret := range []string{"own", "x"} {
				id := signIn(t, m, "ann")
				r.Client.HSet(ctx, r.Key(id, "Data"), "_berth", meta)
				if secret != "own" {
					r.Client.HSet(ctx, r.Key(id, "Data"), "_berth_secret", secret)
				}
				func() {
					defer func() {
						if p := recover(); p != nil {
							t.Errorf("%s %.60q: panic %v", on, meta, p)
						}
					}()
					for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive} {
						for _, open := range []func() error{
							func() error {
								s, err := m.Begin(ctx, id, access)
								if err == nil {
									s.Set("n", 1)
									err = s.Commit(ctx)
									s.Rollback(ctx)
								}
								return err
							},
							func() error {
								return m.DoHandle(ctx, handleOf(id), access, func(s *session.Session) error { s.Set("n", 1); s.SetCompanion("x"); return nil })
							},
						} {
							if err := open(); err != nil && strings.Contains(err.Error(), id[27:]) {
								t.Errorf("secret in %v", err)
							}
						}
					}
					_, _ = m.SessionsOf(ctx, "ann")
					for _, err := range m.Sessions(ctx) {
						_ = err // there are some
					}
					until(t, "no lease is left", func() bool { return !r.Exists(r.Key(id, "Lock")) })
					_ = m.EndHandle(ctx, handleOf(id))
					_, _ = m.EndAll(ctx, "ann")
				}()
				if ttl := r.Client.PTTL(ctx, r.Key(id, "Data")).Val(); ttl == -1 {
					t.Errorf("%s %.60q %q: lives for ever", on, meta, secret)
				}
				r.Client.Del(ctx, r.Key(id, "Data"), r.Key(id, "Timeout"), "{"+r.App+"_Principal_ann}")
			}
		}
	}
}

// A data key of a wrong type is an error, and leaves no lock.
func TestWrongTypes(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{LockWait: time.Second})
		id := saved(t, m)
		r.Client.Del(context.Background(), r.Key(id, "Data"))
		r.Client.Set(context.Background(), r.Key(id, "Data"), "x", 0)
		if _, err := m.Begin(context.Background(), id, session.Exclusive); err == nil {
			t.Fatal("no error")
		}
		until(t, "the lock is gone", func() bool { return !r.Exists(r.Key(id, "Lock")) })
	})
}
