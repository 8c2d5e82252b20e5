package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client, count := r.newClient(), &trips{}
		m := r.managerOn(client, session.Options{})
		id := saved(t, m, "n", 1)
		saved(t, m) // all scripts a request needs are loaded
		begin(t, m, id, session.ReadOnly)
		commit(t, begin(t, m, id, session.Exclusive))
		s := begin(t, m, id, session.Shared)
		s.Set("n", 2)
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		s.Rollback(ctx)

		client.AddHook(count)
		for _, c := range []struct {
			name   string
			id     string
			access session.Access
			handle func(s *session.Session)
			want   int64
		}{
			{"no cookie", "", session.Exclusive, nil, 0},
			{"malformed cookie", "x", session.Exclusive, nil, 0},
			{"None", id, session.None, func(s *session.Session) { s.Set("n", 1) }, 0},
			{"ReadOnly", id, session.ReadOnly, nil, 1},
			{"Shared, nothing changed", id, session.Shared, nil, 1},
			{"Shared", id, session.Shared, func(s *session.Session) { s.Set("n", 3) }, 2},
			{"Exclusive, nothing changed", id, session.Exclusive, nil, 2},
			{"Exclusive", id, session.Exclusive, func(s *session.Session) { s.Set("n", 4) }, 2},
			{"a new session", "", session.Exclusive, func(s *session.Session) { s.Set("n", 4) }, 1},
		} {
			count.n.Store(0)
			s := begin(t, m, c.id, c.access)
			if c.handle != nil {
				c.handle(s)
			}
			commit(t, s)
			s.Rollback(ctx)
			commit(t, s)
			if got := count.n.Load(); got != c.want {
				t.Errorf("%s: %d round trips, want %d", c.name, got, c.want)
			}
		}
	})
}

func TestKeysInRedis(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		id := saved(t, m, "n", 1, "name", "Ann")
		if keys := r.keys(); len(keys) != 1 || keys[0] != r.key(id, "Data") {
			t.Fatalf("keys are %v", keys)
		}
		if got := r.hget(id, "name"); got != `"Ann"` {
			t.Errorf("name is %s", got)
		}
		s := begin(t, m, id, session.Exclusive)
		for key, most := range map[string]time.Duration{r.key(id, "Data"): 20 * time.Minute, r.key(id, "Lock"): 10 * time.Second} {
			ttl, err := r.client.PTTL(ctx, key).Result()
			if err != nil || ttl > most || ttl < most-5*time.Second {
				t.Errorf("TTL of %s is %v, want %v (%v)", key, ttl, most, err)
			}
		}
		commit(t, s)
		if keys := r.keys(); len(keys) != 1 {
			t.Errorf("after the commit there are %v", keys)
		}
	})
}
