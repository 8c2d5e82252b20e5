package session_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// wrapped is a client inside a type of the application's, such as one that traces.
type wrapped struct{ redis.UniversalClient }

// embedded shows what it is made of.
type embedded struct{ *redis.Client }

// Sessions needs to know all servers: of a client that does not tell, it is an error and not a part.
func TestSessionsOfAWrappedClient(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.ManagerOn(wrapped{r.NewClient()}, session.Options{})
		saved(t, m)
		for _, err := range m.Sessions(t.Context()) {
			var failed *session.OpError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), "ForEachMaster") {
				t.Errorf("yields %v", err)
			}
		}
		one, ok := r.NewClient().(*redis.Client)
		if !ok {
			return
		}
		n := 0
		for _, err := range r.ManagerOn(embedded{one}, session.Options{}).Sessions(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d sessions of an embedded client", n)
		}
	})
}

// sentCommands collects what a client sends.
type sentCommands struct {
	mu    sync.Mutex
	names []string
}

func (c *sentCommands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *sentCommands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.add(cmd)
		return next(ctx, cmd)
	}
}

func (c *sentCommands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.add(cmds...)
		return next(ctx, cmds)
	}
}

func (c *sentCommands) add(cmds ...redis.Cmder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range cmds {
		c.names = append(c.names, cmd.Name())
	}
}

// Indexes are read where they are written: a client with ReadOnly or RouteByLatency sends commands that
// only read to replicas, which may be behind, but no script.
func TestIndexesAreReadByScripts(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, sent := r.NewClient(), &sentCommands{}
		client.AddHook(sent)
		m := r.ManagerOn(client, session.Options{MaxPerPrincipal: 2, TrackEnd: true})
		for range 3 {
			signIn(t, m, "ann")
		}
		if _, err := m.SessionsOf(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if n, err := m.EndAll(t.Context(), "ann"); n != 2 || err != nil {
			t.Errorf("ended %d: %v", n, err)
		}
		for _, err := range m.EndsAside(t.Context()) {
			t.Error(err)
		}
		sent.mu.Lock()
		defer sent.mu.Unlock()
		for _, name := range []string{"zrange", "zcard", "zscore", "zcount"} {
			if slices.Contains(sent.names, name) {
				t.Errorf("%s is sent by itself", name)
			}
		}
	})
}

// Sessions and EndsAside are repeated on the schedule of RetryTimeout.
func TestIterationsAreRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: 4 * time.Second, TrackEnd: true})
		saved(t, m)
		for name, iterate := range map[string]func() error{
			"Sessions": func() (failed error) {
				n := 0
				for _, err := range m.Sessions(t.Context()) {
					failed = errors.Join(failed, err)
					n++
				}
				if n != 1 {
					t.Errorf("%d sessions", n)
				}
				return failed
			},
			"EndsAside": func() (failed error) {
				for _, err := range m.EndsAside(t.Context()) {
					failed = errors.Join(failed, err)
				}
				return failed
			},
		} {
			f.Then(refuse)
			f.Then(refuse)
			if err := iterate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !f.Used() {
				t.Errorf("%s: nothing failed", name)
			}
		}
	})
}

// HandleEnd warns of a server that deletes keys when its memory is full.
func TestEvictionIsWarnedOf(t *testing.T) {
	t.Parallel()
	for policy, warns := range map[string]bool{"volatile-lru": true, "allkeys-lru": true, "noeviction": false} {
		_, r := withServer(t, "--maxmemory", "100mb", "--maxmemory-policy", policy)
		var log lines
		m := r.Manager(session.Options{TrackEnd: true, EndSweep: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		saved(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.HandleEnd(ctx, func(context.Context, session.Ended) error { return nil }) }()
		if err := m.End(ctx, saved(t, m)); err != nil {
			t.Fatal(err)
		}
		until(t, "an end is handled", func() bool { return m.Stats().EndsHandled == 1 })
		said := ""
		if warns {
			until(t, "it warns", func() bool { said += log.take(); return strings.Contains(said, "policy="+policy) })
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if said += log.take(); strings.Contains(said, "maxmemory-policy") != warns {
			t.Errorf("%s: the log says %q", policy, said)
		}
	}
}

// If Redis's clock is ahead by more than MaxLifetime, a new session is gone at once, and the error says
// why.
func TestClockAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.NewClient()
		client.AddHook(&slowRedis{ahead: time.Hour})
		late := r.ManagerOn(client, session.Options{Timeout: time.Minute, MaxLifetime: time.Minute})
		s := begin(t, late, "", session.Exclusive)
		s.Set("n", 1)
		if err := s.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "clock") {
			t.Errorf("the error is %v", err)
		}
	})
}

// slowRedis keeps each call on its way, so that Redis's clock seems to be ahead.
type slowRedis struct{ ahead time.Duration }

func (f *slowRedis) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *slowRedis) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		time.Sleep(f.ahead)
		return next(ctx, cmd)
	}
}

func (f *slowRedis) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		time.Sleep(f.ahead)
		return next(ctx, cmds)
	}
}
