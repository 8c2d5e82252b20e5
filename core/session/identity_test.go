package session_test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestRotate(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		old := saved(t, m, "n", 1, "list", []int{1})
		s := begin(t, m, old, session.Exclusive)
		s.SetTimeout(time.Hour)
		commit(t, s)
		created := s.CreatedAt()

		s = begin(t, m, old, session.Exclusive)
		s.Rotate()
		s.Set("n", 2)
		get[[]int](t, s, "list")[0] = 2
		if s.ID() != old {
			t.Error("the ID changed before the commit")
		}
		commit(t, s)
		id := s.ID()
		if id == old || len(id) != 26 {
			t.Fatalf("the new ID has %d characters", len(id))
		}
		s = view(t, m, id)
		if get[int](t, s, "n") != 2 || get[[]int](t, s, "list")[0] != 2 || !s.CreatedAt().Equal(created.Truncate(time.Millisecond)) {
			t.Error("the session did not move whole")
		}
		if ttl := r.client.PTTL(ctx, r.key(id, "Data")).Val(); ttl < 59*time.Minute {
			t.Errorf("its own time-out did not move: %v", ttl)
		}
		if ttl := r.client.PTTL(ctx, r.key(old, "Data")).Val(); ttl > time.Minute || ttl < 50*time.Second {
			t.Errorf("the old ID is retired for %v", ttl)
		}
		if r.hget(old, "n") != "" || r.exists(r.key(old, "Lock")) {
			t.Error("the old session is still there")
		}
	})
}

// peers.md 14, 18: for a minute an old ID gets a detached session, which can
// neither revive the old session nor take the new cookie away.
func TestRetiredIDs(t *testing.T) {
	for name, retire := range map[string]func(t *testing.T, m *session.Manager, id string){
		"rotated": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Exclusive)
			s.Rotate()
			commit(t, s)
		},
		"signed in": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal("ann")
			commit(t, s)
			if s.ID() == id || view(t, m, s.ID()).Principal() != "ann" {
				t.Error("SetPrincipal did not rotate")
			}
		},
		"abandoned": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Exclusive)
			s.Abandon()
			commit(t, s)
		},
		"abandoned under Shared": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Shared)
			s.Abandon()
			commit(t, s)
		},
		"ended": func(t *testing.T, m *session.Manager, id string) {
			if err := m.End(context.Background(), id); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m := r.manager(session.Options{})
				id := saved(t, m, "n", 1)
				retire(t, m, id)
				keys := len(r.keys())
				for range 2 {
					for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
						s := begin(t, m, id, access)
						if !s.Detached() || s.IsNew() || s.Len() != 0 || s.ID() != "" || s.Err() != nil {
							t.Errorf("%v: not detached", access)
						}
						if access != session.ReadOnly {
							s.Set("n", 5)
							s.Rotate()
							s.SetPrincipal("")
						}
						if access == session.Exclusive {
							commit(t, s)
						}
						s.Rollback(context.Background())
						if len(r.keys()) != keys {
							t.Errorf("%v: left %v", access, r.keys())
						}
					}
					wantErr(t, m.End(context.Background(), id), session.ErrUnknown)
					time.Sleep(59 * time.Second)
				}
				if s := begin(t, m, id, session.Exclusive); s.Detached() || !s.IsNew() {
					t.Error("after a minute the ID is still retired")
				}
			})
		})
	}
}

// Only a request that itself signs in makes a real session of a retired one.
func TestSignInWithARetiredID(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "n", 1)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		s := begin(t, m, id, session.Exclusive)
		s.Set("cart", 1)
		s.SetPrincipal("bob")
		if s.Detached() || !s.IsNew() {
			t.Error("still detached")
		}
		commit(t, s)
		if s.ID() == id || s.ID() == "" {
			t.Fatal("not saved under a new ID")
		}
		s = view(t, m, s.ID())
		if s.Principal() != "bob" || get[int](t, s, "cart") != 1 || s.Has("n") {
			t.Error("the new session is not what was signed in to")
		}
		s = begin(t, m, id, session.ReadOnly)
		s.SetPrincipal("bob")
		if !s.Detached() {
			t.Error("ReadOnly made a session")
		}
	})
}

func TestSetPrincipal(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m)
		// The principal may be anything, also what looks like a format.
		for _, principal := range []string{"ann", "ann@example.com with spaces\nand 1 2 3", "", "retired", "}_Data"} {
			before := id
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal(principal)
			commit(t, s)
			id = s.ID()
			if id == before {
				t.Errorf("%q: the ID did not change", principal)
			}
			s = begin(t, m, id, session.Shared)
			s.Set("n", principal)
			if s.Principal() != principal {
				t.Errorf("the principal is %q, want %q", s.Principal(), principal)
			}
			commit(t, s)
			s = begin(t, m, id, session.Exclusive)
			s.SetPrincipal("else")
			s.SetPrincipal(principal)
			if s.Principal() != principal {
				t.Errorf("after a merge the principal is %q, want %q", s.Principal(), principal)
			}
			s.Rollback(context.Background())
			s = begin(t, m, id, session.Exclusive)
			s.SetPrincipal(principal)
			commit(t, s)
			if s.ID() != id {
				t.Errorf("%q: setting the same principal rotated", principal)
			}
		}
	})
}

func TestRotateNeedsExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "n", 1)
		for name, change := range map[string]func(s *session.Session){
			"Rotate":       func(s *session.Session) { s.Rotate() },
			"SetPrincipal": func(s *session.Session) { s.SetPrincipal("ann") },
		} {
			s := begin(t, m, id, session.Shared)
			s.Set("n", 2)
			change(s)
			if err := s.Commit(context.Background()); err == nil || !strings.Contains(err.Error(), "Exclusive") {
				t.Errorf("%s: %v", name, err)
			}
			if get[int](t, view(t, m, id), "n") != 1 {
				t.Errorf("%s: something was written", name)
			}
		}
	})
}

// peers.md 15: neither a commit nor a retry recreates a session that was ended.
func TestEndedSessionStaysEnded(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		for name, end := range map[string]func(id string){
			"ended": func(id string) { _ = m.End(ctx, id) },
			"expired": func(id string) {
				r.client.Del(ctx, r.key(id, "Data"), r.key(id, "Lock"))
			},
			"expired, lease still there": func(id string) { r.client.Del(ctx, r.key(id, "Data")) },
		} {
			for _, access := range []session.Access{session.Exclusive, session.Shared} {
				for what, change := range map[string]func(s *session.Session){
					"a change":  func(s *session.Session) { s.Set("n", 2) },
					"a delete":  func(s *session.Session) { s.Delete("n") },
					"no change": func(*session.Session) {},
					"abandon":   func(s *session.Session) { s.Abandon() },
					"rotate": func(s *session.Session) {
						if access == session.Exclusive {
							s.Rotate()
						}
					},
				} {
					id := saved(t, m, "n", 1, "m", 1)
					s := begin(t, m, id, access)
					change(s)
					end(id)
					var want error
					if what == "a change" || what == "a delete" || what == "rotate" && access == session.Exclusive {
						want = session.ErrEnded
					}
					if err := s.Commit(ctx); want == nil && err != nil || want != nil && !strings.Contains(errText(err), want.Error()) {
						t.Errorf("%s, %v, %s: %v, want %v", name, access, what, err, want)
					}
					s.Rollback(ctx)
					s = begin(t, m, id, session.ReadOnly)
					if !s.IsNew() && !s.Detached() || r.hget(id, "n") != "" {
						t.Errorf("%s, %v, %s: came back to life", name, access, what)
					}
					if r.exists(r.key(id, "Lock")) {
						t.Errorf("%s, %v, %s: a lock is left", name, access, what)
					}
				}
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for _, key := range r.keys() {
			if n := r.client.HLen(ctx, key).Val(); n > 1 {
				t.Errorf("a session of %d fields is left", n-1)
			}
		}
	})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Logout wins over a slow request, whichever of the two is first in Redis.
func TestLogoutRacesSlowRequests(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		for range 20 {
			id := saved(t, m, "n", 1)
			var wg sync.WaitGroup
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.Exclusive, session.Shared} {
				wg.Go(func() {
					s, err := m.Begin(ctx, id, access)
					if err != nil {
						t.Error(err)
						return
					}
					s.Set("n", 2)
					_ = s.Commit(ctx) // ErrEnded, or before the logout
				})
			}
			wg.Go(func() {
				s, err := m.Begin(ctx, id, session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				s.Abandon()
				if err := s.Commit(ctx); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if r.hget(id, "n") != "" || !begin(t, m, id, session.ReadOnly).Detached() {
				t.Fatal("the session outlived its logout")
			}
		}
	})
}

func TestHashedIDs(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{HashIDs: true})
		id := saved(t, m, "n", 1)
		for _, key := range r.keys() {
			if strings.Contains(key, id) {
				t.Error("the ID is in Redis")
			}
			stored := key[len("{"+r.app+"_"):][:26]
			if !begin(t, m, stored, session.ReadOnly).IsNew() {
				t.Error("what is in Redis opens the session")
			}
		}
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", get[int](t, s, "n")+1)
		s.Rotate()
		commit(t, s)
		if get[int](t, view(t, m, s.ID()), "n") != 2 {
			t.Error("not found by its ID")
		}
		if err := m.End(context.Background(), s.ID()); err != nil {
			t.Error(err)
		}
	})
}

func TestIDsAreRandom(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		seen := map[string]bool{}
		var letters [26]map[byte]bool
		for range 1000 {
			id := saved(t, m)
			if seen[id] || len(id) != 26 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
				t.Fatal("not a new ID of 26 characters")
			}
			seen[id] = true
			for i := range id {
				if letters[i] == nil {
					letters[i] = map[byte]bool{}
				}
				letters[i][id[i]] = true
			}
		}
		for i := range letters {
			if len(letters[i]) != 32 {
				t.Errorf("place %d takes %d values in 1000 IDs, want all 32", i, len(letters[i]))
			}
		}
	})
}

func TestEncryption(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 16)
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var c changes
		m := r.manager(session.Options{EncryptionKeys: []session.EncryptionKey{one}, Hooks: c.hooks()})
		id := saved(t, m, "a", "visible", "b", "other")
		for _, field := range []string{"a", "b"} {
			if v := r.hget(id, field); strings.Contains(v, "visible") || strings.Contains(v, "other") || v == "" {
				t.Error("the value is readable")
			}
		}
		c = changes{}
		s := begin(t, m, id, session.Exclusive)
		s.Set("a", "visible")
		get[*string](t, s, "b")
		commit(t, s)
		c.want(t, "the same values", "", "")

		// Moved to another field or session, a value does not open.
		r.client.HSet(ctx, r.key(id, "Data"), "b", r.hget(id, "a"))
		if _, err := session.Get[string](view(t, m, id), "b"); err == nil || strings.Contains(err.Error(), "visible") {
			t.Errorf("a value of another field: %v", err)
		}
		other := saved(t, m, "a", "mine")
		r.client.HSet(ctx, r.key(other, "Data"), "a", r.hget(id, "a"))
		if _, err := session.Get[string](view(t, m, other), "a"); err == nil {
			t.Error("a value of another session opened")
		}
		for _, bad := range []string{"", "x", `"visible"`, r.hget(id, "a")[:20], r.hget(id, "a") + "x"} {
			r.client.HSet(ctx, r.key(other, "Data"), "a", bad)
			if _, err := session.Get[string](view(t, m, other), "a"); err == nil {
				t.Errorf("%d bytes of something else opened", len(bad))
			}
		}

		// Rotated keys: the old value opens, the next write uses the new key.
		rotated := r.manager(session.Options{EncryptionKeys: []session.EncryptionKey{two, one}})
		s = begin(t, rotated, id, session.Exclusive)
		if get[string](t, s, "a") != "visible" {
			t.Error("the old key does not open")
		}
		s.Set("a", "new")
		commit(t, s)
		if _, err := session.Get[string](view(t, m, id), "a"); err == nil {
			t.Error("the old key opens what the new one wrote")
		}
		only := r.manager(session.Options{EncryptionKeys: []session.EncryptionKey{two}})
		if get[string](t, view(t, only, id), "a") != "new" {
			t.Error("the new key alone does not open what it wrote")
		}

		// A rotated session ID: values are bound to the new one.
		s = begin(t, rotated, id, session.Exclusive)
		s.Set("c", 1)
		s.Delete("b")
		s.Rotate()
		commit(t, s)
		if get[string](t, s, "a") != "new" {
			t.Error("after the rotation the handler cannot read")
		}
		s = view(t, only, s.ID())
		if get[string](t, s, "a") != "new" || get[int](t, s, "c") != 1 || s.Has("b") {
			t.Error("did not survive a rotation")
		}
	})
}

// Encryption goes around any codec.
func TestEncryptionOfAnyCodec(t *testing.T) {
	for name, codec := range map[string]session.Codec{
		"json": session.JSON{}, "gob": session.Gob{}, "raw": session.Raw{}, "one's own": upper{},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				keys := []session.EncryptionKey{bytes.Repeat([]byte{1}, 32)}
				var c changes
				m := r.manager(session.Options{Codec: codec, EncryptionKeys: keys, Hooks: c.hooks()})
				id := saved(t, m, "k", "visible")
				if v := strings.ToLower(r.hget(id, "k")); v == "" || strings.Contains(v, "visible") {
					t.Error("the value is readable")
				}
				c = changes{}
				s := begin(t, m, id, session.Exclusive)
				if get[string](t, s, "k") != "visible" {
					t.Error("came back otherwise")
				}
				s.Set("k", "visible")
				commit(t, s)
				c.want(t, "the same value", "", "")
				s = begin(t, m, id, session.Exclusive)
				s.Rotate()
				commit(t, s)
				if get[string](t, view(t, m, s.ID()), "k") != "visible" {
					t.Error("did not survive a rotation")
				}
			})
		})
	}
}

// Two applications on one Redis and one database do not see each other.
func TestApplicationsAreApart(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		a := r.manager(session.Options{App: r.app + "-a"})
		b := r.manager(session.Options{App: r.app + "-b"})
		c := r.manager(session.Options{App: r.app + "-a", KeySeparator: ":"})
		id := saved(t, a, "n", 1)
		for _, m := range []*session.Manager{b, c} {
			if !begin(t, m, id, session.Exclusive).IsNew() {
				t.Error("sees the other's session")
			}
			wantErr(t, m.End(context.Background(), id), session.ErrUnknown)
		}
		if get[int](t, view(t, a, id), "n") != 1 {
			t.Error("lost its session")
		}
	})
}

// The format of what is in Redis is a promise to later versions.
func TestStoredFormat(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{Timeout: time.Hour})
		id := strings.Repeat("a", 26)
		key := r.key(id, "Data")
		err := r.client.HSet(ctx, key, "_berth", "1 60000 1700000000000 - tokentokentokentokentoken0 ann smith", "n", "5").Err()
		if err != nil {
			t.Fatal(err)
		}
		s := begin(t, m, id, session.Exclusive)
		if s.Principal() != "ann smith" || get[int](t, s, "n") != 5 || !s.CreatedAt().Equal(time.UnixMilli(1_700_000_000_000)) {
			t.Error("was not read")
		}
		if ttl := r.client.PTTL(ctx, key).Val(); ttl > time.Minute || ttl < 50*time.Second {
			t.Errorf("the time-out of the session was not used: %v", ttl)
		}
		s.Set("n", 6)
		commit(t, s)
		facts := regexp.MustCompile(`^1 60000 1700000000000 (-|l\d+) ([a-z0-9]{28}) ann smith$`)
		if got := r.hget(id, "_berth"); !facts.MatchString(got) || strings.Contains(got, "token") {
			t.Errorf("the facts are %q", got)
		}
		s = begin(t, m, id, session.Shared)
		s.Set("n", 7)
		commit(t, s)
		if got := r.hget(id, "_berth"); !facts.MatchString(got) || strings.Contains(got, "token") {
			t.Errorf("after a merge the facts are %q", got)
		}
		_ = m.End(ctx, id)
		if got := r.hget(id, "_berth"); !strings.HasPrefix(got, "1 retired ") {
			t.Errorf("retired, the facts are %q", got)
		}
	})
}
