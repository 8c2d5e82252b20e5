//go:build testall

package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// aclUser is a Redis user whose denials are watched.
type aclUser struct {
	t      *testing.T
	name   string
	nodes  []*redis.Client // as who may do everything
	client func() redis.UniversalClient

	clustered bool
}

// grant makes the user with all of the rules but one.
func (u *aclUser) grant(rules []string, without string) {
	u.t.Helper()
	args := []any{"ACL", "SETUSER", u.name, "on", ">secret", "resetchannels", "-@all"}
	for _, rule := range rules {
		if rule != without {
			args = append(args, rule)
		}
	}
	for _, node := range u.nodes {
		if err := node.Do(u.t.Context(), args...).Err(); err != nil {
			u.t.Fatal(err)
		}
	}
}

// denied returns the commands, keys and channels that the user was denied.
func (u *aclUser) denied() []string {
	u.t.Helper()
	var denied []string
	for _, node := range u.nodes {
		entries, err := node.ACLLog(context.Background(), 100).Result()
		if err != nil {
			u.t.Fatal(err)
		}
		for _, e := range entries {
			if e.Username == u.name {
				denied = append(denied, e.Reason+" "+e.Object)
			}
		}
	}
	slices.Sort(denied)
	return slices.Compact(denied)
}

// calls is how often the servers ran a command.
func (u *aclUser) calls(command string) int {
	n := 0
	for _, node := range u.nodes {
		n += support.CommandCalls(node)[command]
	}
	return n
}

// check runs everything as a user who lacks one of the rules, or none.
func (u *aclUser) check(rules []string, without string) {
	u.t.Helper()
	u.grant(rules, without)
	failed := everything(u, without)
	denied := u.denied()
	switch {
	case without == "" && (failed != nil || len(denied) > 0):
		u.t.Errorf("with all of the list: %v, denied %v", failed, denied)
	case without != "" && len(denied) == 0:
		u.t.Errorf("nothing was denied, so nobody needs it (%v)", failed)
	}
}

// TestLeastPermissions runs everything that the engine does as a user who has what the
// docs list and nothing else: nothing is denied. Then without each item of the list:
// something is, so that none is idle.
func TestLeastPermissions(t *testing.T) {
	t.Parallel()
	patterns := support.Listed(`(?m)^[~&].*$`)
	all := append(slices.Clone(patterns), support.Permissions...)
	if len(patterns) < 3 || len(support.Permissions) < 20 {
		t.Fatalf("docs/redis.md lists %v", all)
	}
	check := func(t *testing.T, database int, rules []string, without string) {
		t.Parallel()
		_, r := withServer(t)
		u := &aclUser{t: t, name: "berth", nodes: []*redis.Client{r.Client.(*redis.Client)}}
		u.client = func() redis.UniversalClient {
			return r.NewClient(func(o *redis.UniversalOptions) {
				o.Username, o.Password, o.DB, o.DisableIdentity = u.name, "secret", database, true
			})
		}
		u.check(rules, without)
	}
	for _, without := range append([]string{""}, all...) {
		t.Run("without "+without, func(t *testing.T) { check(t, 0, all, without) })
	}
	// Another database takes one more permission, and has other channels.
	other := []string{"+select"}
	for _, rule := range all {
		other = append(other, strings.ReplaceAll(rule, "@0__", "@2__"))
	}
	t.Run("database 2", func(t *testing.T) { check(t, 2, other, "") })
}

// The same on a cluster, with what it needs in addition.
func TestLeastPermissionsOnCluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	additional := support.Listed(`(?m)^    [~&+].*$`)
	if len(additional) < 5 {
		t.Fatalf("docs/redis.md lists %v", additional)
	}
	all := append(append(support.Listed(`(?m)^[~&].*$`), support.Permissions...), additional...)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{FailAfter: support.Patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	for i, without := range append([]string{""}, additional...) {
		t.Run("without "+without, func(t *testing.T) {
			r := newRig(t)
			r.To(redis.UniversalOptions{Addrs: cluster.Addrs(), IsClusterMode: true})
			u := &aclUser{t: t, name: fmt.Sprintf("berth%d", i), clustered: true}
			for _, node := range cluster.Nodes() {
				admin := redis.NewClient(&redis.Options{Addr: node.Addr()})
				t.Cleanup(func() { _ = admin.Close() })
				u.nodes = append(u.nodes, admin)
				if err := admin.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
			}
			u.client = func() redis.UniversalClient {
				return r.NewClient(func(o *redis.UniversalOptions) { o.Username, o.Password, o.DisableIdentity = u.name, "secret", true })
			}
			u.check(all, without)
		})
	}
}

// everything does all that the engine can do, and returns the first error.
func everything(u *aclUser, without string) error {
	t := u.t
	r := crowd(&support.Rig{T: t})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	o := session.Options{
		App: "shop", TrackEnd: true, MaxLifetime: time.Hour, MaxPerPrincipal: 1, LockTTL: 300 * time.Millisecond,
		LockWait:    5 * time.Second, // where a release is denied
		EndAttempts: 1, EndSweep: 10 * time.Millisecond, EndNotifications: true,
	}
	a, b := r.ManagerOn(u.client(), o), r.ManagerOn(u.client(), o)
	pings, subscribed := u.calls("ping"), u.calls("subscribe")+u.calls("ssubscribe") // by which the server was found ready
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
	id = commit(a, id, session.Exclusive, func(s *session.Session) { s.SetPrincipal("carl") })
	id = commit(a, id, session.Exclusive, func(s *session.Session) { s.SetPrincipal(""); s.Set("n", 1); s.SetCompanion("c") })
	commit(a, id, session.Shared, func(s *session.Session) { s.Set("n", 2) })
	commit(a, id, session.ReadOnly, func(*session.Session) {})
	commit(a, id, session.Peek, func(*session.Session) {})
	o.TrackEnd, o.EndNotifications, o.MaxLifetime = false, false, 20*time.Minute // it cuts each TTL
	commit(r.ManagerOn(u.client(), o), "", session.Exclusive, func(s *session.Session) { s.Set("n", 1) })

	// A waiter in another process, and a lease that has to be renewed meanwhile.
	if holder, err := a.Begin(ctx, id, session.Exclusive); err == nil && !holder.IsNew() {
		waiter := make(chan struct{})
		go func() {
			defer close(waiter)
			commit(b, id, session.Exclusive, func(*session.Session) {})
		}()
		until(t, "the other waits and the lease was renewed", func() bool {
			if len(u.denied()) > 0 {
				return true
			}
			return u.calls("subscribe")+u.calls("ssubscribe") > subscribed && a.Client().Exists(ctx, "{shop_"+handleOf(id)+"}_Waiters").Val() == 1
		})
		do("commit", holder.Commit(ctx))
		<-waiter
	} else {
		do("begin", err)
		if err == nil {
			holder.Rollback(ctx)
		}
	}

	if u.clustered && (without == "" || without == "+sunsubscribe") {
		// More sessions are waited for than channels are kept.
		for range 210 {
			id := commit(a, "", session.Exclusive, func(s *session.Session) { s.Set("n", 1) })
			holder, err := a.Begin(ctx, id, session.Exclusive)
			if err != nil {
				do("begin", err)
				break
			}
			waiter := make(chan struct{})
			before := u.calls("ssubscribe")
			go func() {
				defer close(waiter)
				commit(b, id, session.Exclusive, func(*session.Session) {})
			}()
			until(t, "it is subscribed to", func() bool { return u.calls("ssubscribe") > before || len(u.denied()) > 0 })
			do("commit", holder.Commit(ctx))
			<-waiter
			if len(u.denied()) > 0 {
				break
			}
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
	if len(errs) == 0 && len(u.denied()) == 0 {
		until(t, "an end is handled", func() bool {
			select {
			case <-handled:
				return true
			default:
				return len(u.denied()) > 0
			}
		})
		until(t, "one is put aside", func() bool { return a.Stats().EndsAside > 0 || len(u.denied()) > 0 })
	}
	for e, err := range a.EndsAside(ctx) {
		do("EndsAside", err)
		if err == nil {
			do("ReplayEnd", a.ReplayEnd(ctx, e))
		}
	}
	if without == "" || without == "+ping" {
		// A subscription that was silent for 15 s is asked whether it stands.
		for deadline := time.Now().Add(40 * time.Second); u.calls("ping") == pings && len(u.denied()) == 0; {
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
