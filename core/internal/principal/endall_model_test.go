//go:build testall

package principal_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// While sessions sign in, rotate and sign out elsewhere, EndAll misses none that was signed in when it
// was called, and ends nobody else's; with Redis near and far.
func TestEndAllAmongSignIns(t *testing.T) {
	for _, away := range []time.Duration{0, 10 * time.Millisecond, 25 * time.Millisecond} {
		t.Run(away.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				acts := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]string{"ann", "bob", "", "rotate", "wait"}), 1, 5), 4, 4).Draw(rt, "acts")
				wait := rapid.IntRange(0, 200).Draw(rt, "wait")
				rig.Bubble(t, func(t *testing.T, r *rig.Rig) {
					endAllAmongSignIns(t, r, acts, time.Duration(wait)*time.Millisecond, away)
				})
			})
		})
	}
}

func endAllAmongSignIns(t *testing.T, r *rig.Rig, acts [][]string, wait, away time.Duration) {
	ctx := context.Background()
	far := func() *session.Manager {
		client := r.NewClient()
		client.AddHook(distance(away))
		return r.ManagerOn(client, session.Options{})
	}
	near := r.Manager(session.Options{})
	becameAnns := map[string]bool{}
	var all sync.WaitGroup
	for i, acts := range acts {
		m, id := far(), rig.SignIn(t, near, []string{"ann", "bob"}[i%2])
		becameAnns[rig.HandleOf(id)] = slices.Contains(acts, "ann")
		all.Go(func() {
			for _, act := range acts {
				time.Sleep(5 * time.Millisecond)
				s, err := m.Begin(ctx, id, session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				switch act {
				case "wait":
				case "rotate":
					s.Rotate()
				default:
					s.SetPrincipal(act)
				}
				if err := s.Commit(ctx); err != nil { // it was ended
					s.Rollback(ctx)
					return
				}
				id = s.ID()
			}
		})
	}
	time.Sleep(wait)
	ann := rig.HandlesOf(t, near, "ann")
	bobs := map[string]bool{}
	for _, handle := range rig.HandlesOf(t, near, "bob") {
		bobs[handle] = true
	}
	called := time.Now()
	ended, err := far().EndAll(ctx, "ann")
	if err != nil {
		t.Error(err)
	}
	all.Wait()
	time.Sleep(time.Second)
	for info, err := range near.Sessions(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		delete(bobs, info.Handle)
		if slices.Contains(ann, info.Handle) && info.Principal == "ann" && info.AuthenticatedAt.Before(called) {
			t.Errorf("one that was ann's when EndAll was called was missed, of %d; it ended %d", len(ann), ended)
		}
		if info.Principal != "" && !slices.Contains(rig.HandlesOf(t, near, info.Principal), info.Handle) {
			t.Errorf("a session of %s is not in the index", info.Principal)
		}
	}
	for handle := range bobs {
		if !becameAnns[handle] {
			t.Error("a session that was bob's all the time was ended")
		}
	}
}

// distance delays each call, there and back.
type distance time.Duration

func (d distance) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d distance) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		time.Sleep(time.Duration(d) / 2)
		defer time.Sleep(time.Duration(d) / 2)
		return next(ctx, cmd)
	}
}

func (d distance) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		time.Sleep(time.Duration(d) / 2)
		defer time.Sleep(time.Duration(d) / 2)
		return next(ctx, cmds)
	}
}
