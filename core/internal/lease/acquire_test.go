package lease_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A begin whose reply is lost for good leaves no lease behind.
func TestFailedBeginLeavesNoLease(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		id := rig.Saved(t, m)
		f.Then(rig.Lose)
		if _, err := m.Begin(context.Background(), id, session.Exclusive); err == nil {
			t.Fatal("the reply was not lost")
		}
		synctest.Wait()
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("the lease was left behind")
		}
		rig.Commit(t, rig.Begin(t, m, id, session.Exclusive))
	})
}

// A hook of errors that panics during a begin leaves neither the gate nor the lease taken.
func TestPanicInAHook(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		armed := false
		m, on := r.Matching(session.Options{LockWait: time.Minute, Hooks: session.Hooks{OnError: func(context.Context, error) {
			if armed {
				armed = false
				panic("a bug of the application")
			}
		}}})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		rig.Commit(t, s)
		armed = true
		on.Arm("_Proof", rig.Refuse)
		func() {
			defer func() { _ = recover() }()
			_, _ = m.Begin(ctx, s.ID(), session.Exclusive)
		}()
		time.Sleep(time.Hour / 4) // far beyond LockTTL
		again, err := m.Begin(ctx, s.ID(), session.Exclusive)
		if err != nil {
			t.Errorf("a quarter of an hour later: %v", err)
			return
		}
		again.Rollback(ctx)
	})
}

// between changes a session in the moment between the script that takes its lease and the
// HGETALL that loads it.
type between struct {
	loaded func(fields map[string]string)
}

func (between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (between) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if all, ok := cmds[len(cmds)-1].(*redis.MapStringStringCmd); ok && b.loaded != nil {
			b.loaded(all.Val())
		}
		return err
	}
}

func TestGoneBetweenLeaseAndLoad(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		client, b := r.NewClient(), &between{}
		client.AddHook(b)
		m := r.ManagerOn(client, session.Options{})
		retired := func(why string) func(map[string]string) {
			return func(fields map[string]string) { clear(fields); fields["_berth"] = "2 retired token " + why + " -" }
		}
		for name, c := range map[string]struct {
			change   func(fields map[string]string)
			detached bool
			previous session.Reason
		}{
			"expired":   {func(fields map[string]string) { clear(fields) }, false, ""},
			"abandoned": {retired("abandoned"), true, ""},
			"ended":     {retired("operator"), false, session.Operator},
			"rotated":   {func(fields map[string]string) { fields["_berth_secret"] = rig.Proof(rig.NewID()) }, true, ""},
		} {
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				b.loaded = nil
				id := rig.Saved(t, m, "n", 1)
				b.loaded = c.change
				s := rig.Begin(t, m, id, access)
				if s.Len() != 0 || s.IsNew() == c.detached || s.Detached() != c.detached || s.PreviousEnd() != c.previous {
					t.Errorf("%s, %v: new %t, detached %t, %d values, %q", name, access, s.IsNew(), s.Detached(), s.Len(), s.PreviousEnd())
				}
				s.Rollback(ctx)
				synctest.Wait()
				if r.Exists(r.Key(id, "Lock")) {
					t.Errorf("%s, %v: the lease was left behind", name, access)
				}
			}
		}
	})
}
