package session_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Two applications on one Redis and one database do not see each other.
func TestApplicationsAreApart(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		a := r.Manager(session.Options{App: r.App + "-a"})
		b := r.Manager(session.Options{App: r.App + "-b"})
		c := r.Manager(session.Options{App: r.App + "-a", KeySeparator: ":"})
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
		m := r.Manager(session.Options{Timeout: time.Hour})
		id := strings.Repeat("a", 26) + "." + strings.Repeat("b", 26)
		const proof = "b386f8a15227b235b89835bdfc304616"
		key := r.Key(id, "Data")
		err := r.Client.HSet(ctx, key, "_berth", "2 60000 1700000000000 a1700000001000 tokentokentokentokentoken0 ann smith", "_berth_secret", proof, "n", "5").Err()
		if err != nil {
			t.Fatal(err)
		}
		s := begin(t, m, id, session.Exclusive)
		if s.Principal() != "ann smith" || get[int](t, s, "n") != 5 || !s.CreatedAt().Equal(time.UnixMilli(1_700_000_000_000)) {
			t.Error("was not read")
		}
		if ttl := r.Client.PTTL(ctx, key).Val(); ttl > time.Minute || ttl < 50*time.Second {
			t.Errorf("the time-out of the session was not used: %v", ttl)
		}
		s.Set("n", 6)
		commit(t, s)
		facts := regexp.MustCompile(`^2 60000 1700000000000 a1700000001000(l\d+)? ([a-z0-9]{28}) ann smith$`)
		if got := r.HGet(id, "_berth"); !facts.MatchString(got) || strings.Contains(got, "token") {
			t.Errorf("the facts are %q", got)
		}
		s = begin(t, m, id, session.Shared)
		s.Set("n", 7)
		commit(t, s)
		if got := r.HGet(id, "_berth"); !facts.MatchString(got) || strings.Contains(got, "token") {
			t.Errorf("after a merge the facts are %q", got)
		}
		_ = m.End(ctx, id)
		if got := r.HGet(id, "_berth"); !strings.HasPrefix(got, "2 retired ") {
			t.Errorf("retired, the facts are %q", got)
		}
	})
}

func TestKeysInRedis(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1, "name", "Ann")
		if keys := r.Keys(); len(keys) != 1 || keys[0] != r.Key(id, "Data") {
			t.Fatalf("keys are %v", keys)
		}
		if got := r.HGet(id, "name"); got != `"Ann"` {
			t.Errorf("name is %s", got)
		}
		s := begin(t, m, id, session.Exclusive)
		for key, most := range map[string]time.Duration{r.Key(id, "Data"): 20 * time.Minute, r.Key(id, "Lock"): 10 * time.Second} {
			ttl, err := r.Client.PTTL(ctx, key).Result()
			if err != nil || ttl > most || ttl < most-5*time.Second {
				t.Errorf("TTL of %s is %v, want %v (%v)", key, ttl, most, err)
			}
		}
		commit(t, s)
		if keys := r.Keys(); len(keys) != 1 {
			t.Errorf("after the commit there are %v", keys)
		}
	})
}
