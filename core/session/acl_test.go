package session_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// permissions are the commands that the engine needs, as docs/redis.md lists them.
var permissions = listed(`(?m)^[+].*$`)

// listed returns the words of the lines of the first block in docs/redis.md that match.
func listed(lines string) []string {
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		panic(err)
	}
	var words []string
	for _, line := range regexp.MustCompile(lines).FindAllString(string(text), -1) {
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// aclLog returns the commands, keys and channels that users were denied.
func aclLog(t *testing.T, admin *redis.Client) []string {
	t.Helper()
	entries, err := admin.ACLLog(context.Background(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	var denied []string
	for _, e := range entries {
		denied = append(denied, e.Reason+" "+e.Object)
	}
	slices.Sort(denied)
	return slices.Compact(denied)
}

// TestLeastPermissions runs everything that the engine does as a user who has what the
// docs list and nothing else: nothing is denied. Then without each item of the list:
// something is, so that none is idle.
func TestLeastPermissions(t *testing.T) {
	t.Parallel()
	onReal(t)
	if _, ok := redistest.Find(); !ok {
		t.Skip("needs a redis-server of its own, and REDIS_URL is another's")
	}
	patterns := listed(`(?m)^[~&].*$`)
	all := append(slices.Clone(patterns), permissions...)
	if len(patterns) < 3 || len(permissions) < 20 {
		t.Fatalf("docs/redis.md lists %v", all)
	}
	for i, without := range append([]string{""}, all...) {
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			server, err := redistest.Start(t.Context(), redistest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Stop() })
			r := newRig(t)
			r.at(server.URL())
			admin := r.client.(*redis.Client)
			rules := []any{"ACL", "SETUSER", "berth", "on", ">secret", "resetchannels", "-@all"}
			for j, rule := range all {
				if j != i-1 {
					rules = append(rules, rule)
				}
			}
			if err := admin.Do(t.Context(), rules...).Err(); err != nil {
				t.Fatal(err)
			}
			failed := everything(t, r, admin, without)
			denied := aclLog(t, admin)
			switch {
			case without == "" && (failed != nil || len(denied) > 0):
				t.Errorf("with all of the list: %v, denied %v", failed, denied)
			case without != "" && len(denied) == 0:
				t.Errorf("nothing was denied, so nobody needs it (%v)", failed)
			}
		})
	}
}

// everything does all that the engine can do, and returns the first error.
func everything(t *testing.T, r *rig, admin *redis.Client, without string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := func() redis.UniversalClient {
		return r.newClient(func(o *redis.UniversalOptions) { o.Username, o.Password = "berth", "secret" })
	}
	o := session.Options{
		App: "shop", TrackEnd: true, MaxLifetime: time.Hour, MaxPerPrincipal: 1, LockTTL: 300 * time.Millisecond,
		EndAttempts: 1, EndSweep: 10 * time.Millisecond, EndNotifications: true,
	}
	a, b := r.managerOn(client(), o), r.managerOn(client(), o)
	pings := commandCalls(admin)["ping"] // by which the server was found ready
	var errs []error
	var mu sync.Mutex
	do := func(what string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}

	var once sync.Once
	handled := make(chan struct{})
	handling, stop := context.WithCancel(ctx)
	defer stop()
	ends := make(chan error, 1)
	go func() {
		ends <- a.HandleEnd(handling, func(_ context.Context, e session.Ended) error {
			if e.Reason == session.Replaced && e.Principal == "refused" {
				return errors.New("refused")
			}
			once.Do(func() { close(handled) })
			return nil
		})
	}()

	var id string
	commit := func(m *session.Manager, id string, access session.Access, f func(s *session.Session)) string {
		s, err := m.Begin(ctx, id, access)
		if err != nil {
			do("begin", err)
			return ""
		}
		defer s.Rollback(ctx)
		f(s)
		do("commit", s.Commit(ctx))
		return s.ID()
	}
	id = commit(a, "", session.Exclusive, func(s *session.Session) { s.Set("n", 1); s.Set("m", 1); s.SetCompanion("c") })
	id = commit(a, id, session.Exclusive, func(s *session.Session) { s.Delete("m") })
	id = commit(a, id, session.Exclusive, func(s *session.Session) { s.SetTimeout(time.Minute); s.Rotate() })
	commit(a, id, session.Shared, func(s *session.Session) { s.Set("n", 2) })
	commit(a, id, session.ReadOnly, func(*session.Session) {})

	// A waiter in another process, and a lease that has to be renewed meanwhile.
	if holder, err := a.Begin(ctx, id, session.Exclusive); err == nil && !holder.IsNew() {
		waiter := make(chan struct{})
		go func() {
			defer close(waiter)
			commit(b, id, session.Exclusive, func(*session.Session) {})
		}()
		until(t, "the other waits and the lease was renewed", func() bool {
			calls := commandCalls(admin)
			if len(aclLog(t, admin)) > 0 {
				return true
			}
			return calls["subscribe"] > 0 && admin.Exists(ctx, r.appKey("shop", id, "Waiters")).Val() == 1
		})
		do("commit", holder.Commit(ctx))
		<-waiter
	} else {
		do("begin", err)
		if err == nil {
			holder.Rollback(ctx)
		}
	}

	for range 2 {
		commit(a, "", session.Exclusive, func(s *session.Session) { s.SetPrincipal("refused") })
	}
	commit(a, "", session.Exclusive, func(s *session.Session) { s.SetPrincipal("ann") })
	_, err := a.SessionsOf(ctx, "ann")
	do("SessionsOf", err)
	for _, err := range a.Sessions(ctx) {
		do("Sessions", err)
	}
	commit(a, id, session.Exclusive, func(s *session.Session) { s.Abandon() })
	_, err = a.EndAll(ctx, "ann")
	do("EndAll", err)
	if len(errs) == 0 && len(aclLog(t, admin)) == 0 {
		select {
		case <-handled:
		case <-ctx.Done():
			do("HandleEnd", ctx.Err())
		}
		until(t, "one is put aside", func() bool { return a.Stats().EndsAside > 0 || len(aclLog(t, admin)) > 0 })
	}
	for e, err := range a.EndsAside(ctx) {
		do("EndsAside", err)
		if err == nil {
			do("ReplayEnd", a.ReplayEnd(ctx, e))
		}
	}
	if without == "" || without == "+ping" {
		// A subscription that was silent for 15 s is asked whether it stands.
		for deadline := time.Now().Add(40 * time.Second); commandCalls(admin)["ping"] == pings && len(aclLog(t, admin)) == 0; {
			if time.Now().After(deadline) {
				do("ping", errors.New("there was none"))
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	stop()
	do("HandleEnd", <-ends)
	for _, m := range []*session.Manager{a, b} {
		_, err := m.LastError()
		if !strings.Contains(fmt.Sprint(err), "refused") {
			do("last error", err)
		}
	}
	return errors.Join(errs...)
}

// commandCalls is how often the server ran each command.
func commandCalls(c *redis.Client) map[string]int {
	text := c.Info(context.Background(), "commandstats").Val()
	calls := map[string]int{}
	for _, m := range regexp.MustCompile(`cmdstat_([a-z|]+):calls=(\d+)`).FindAllStringSubmatch(text, -1) {
		var n int
		_, _ = fmt.Sscan(m[2], &n)
		calls[m[1]] = n
	}
	return calls
}

func (r *rig) appKey(app, id, suffix string) string { return "{" + app + "_" + id + "}_" + suffix }
