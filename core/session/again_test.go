package session_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/session"
)

// However often a commit fails, whether or not Redis has executed it, and whatever the
// handler changes or takes back before it commits again: a commit that succeeds leaves
// what the handler has then.
func TestCommitAgainAgainstAModel(t *testing.T) {
	for _, access := range []session.Access{session.Exclusive, session.Shared} {
		t.Run(access.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m, f := faulty(r, session.Options{})
				warmUp(t, m)
				checks(t, func(rt *rapid.T) { commitAgain(t, rt, m, f, access) })
			})
		})
	}
}

func commitAgain(t *testing.T, rt *rapid.T, m *session.Manager, f *faults, access session.Access) {
	model := map[string]int{"seed": 1}
	id := saved(t, m, "seed", 1)
	if rapid.Bool().Draw(rt, "new") {
		model, id = map[string]int{}, ""
	}
	s := begin(t, m, id, access)
	defer s.Rollback(context.Background())
	change := func() {
		for range rapid.IntRange(0, 3).Draw(rt, "changes") {
			key := rapid.SampledFrom([]string{"seed", "a", "b"}).Draw(rt, "key")
			switch rapid.SampledFrom([]string{"set", "delete", "rotate"}).Draw(rt, "change") {
			case "set":
				model[key] = rapid.IntRange(1, 2).Draw(rt, "value")
				s.Set(key, model[key])
			case "delete":
				delete(model, key)
				s.Delete(key)
			case "rotate":
				if access == session.Exclusive {
					s.Rotate()
				}
			}
		}
	}
	for range rapid.IntRange(1, 3).Draw(rt, "failures") {
		change()
		f.then(rapid.SampledFrom([]step{refuse, lose}).Draw(rt, "failure"))
		err := s.Commit(context.Background())
		f.clear()
		if err == nil { // there was nothing to write
			break
		}
	}
	change()
	err := s.Commit(context.Background())
	if errors.Is(err, session.ErrLockLost) || errors.Is(err, session.ErrSealed) {
		return // written by a commit that gave the lease up, or done before
	}
	if err != nil {
		rt.Fatal(err)
	}
	if len(model) == 0 && id == "" {
		if s.ID() != "" {
			rt.Fatal("an empty new session was saved")
		}
		return
	}
	if s.ID() == "" {
		rt.Fatal("there is no ID")
	}
	v := view(t, m, s.ID())
	got := map[string]int{}
	for _, key := range v.Keys() {
		got[key] = get[int](t, v, key)
	}
	if !maps.Equal(got, model) {
		rt.Fatalf("Redis has %v, want %v", got, model)
	}
}

// failCommit has a commit fail at its first call.
func failCommit(t *testing.T, s *session.Session, f *faults, how step) {
	t.Helper()
	f.then(how)
	if s.Commit(context.Background()) == nil {
		t.Fatal("nothing has failed")
	}
}

// peers.md 30: what was asked for after a failed commit is done by the next.
func TestRotateAfterAFailedCommit(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		failCommit(t, s, f, refuse)
		s.Rotate()
		commit(t, s)
		if s.ID() == "" || s.ID() == id {
			t.Fatalf("a new ID: %t, any: %t", s.ID() != id, s.ID() != "")
		}
		if n := get[int](t, view(t, m, s.ID()), "n"); n != 2 {
			t.Errorf("n is %d", n)
		}
	})
}

// A new session that was saved, though its reply was lost, and then is not wanted any
// more, does not stay: nobody knows its ID.
func TestNewSessionThatIsTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		warmUp(t, m)
		time.Sleep(time.Hour) // and nothing of that is left
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		f.then(lose)
		if s.Commit(context.Background()) == nil || len(r.keys()) != 1 {
			t.Fatal("it was not saved, or its reply not lost")
		}
		s.Delete("n")
		commit(t, s)
		synctest.Wait()
		time.Sleep(2 * time.Minute) // its ID is retired meanwhile
		if keys := r.keys(); s.ID() != "" || len(keys) != 0 {
			t.Errorf("%d keys are left", len(keys))
		}
	})
}

// Nobody hears of the deletion of a value that was never there.
func TestNewValueThatIsTakenBack(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{Hooks: session.Hooks{
			OnFieldsDeleted: func(_ context.Context, _ *session.Session, keys []string) { t.Errorf("%v were deleted", keys) },
		}})
		warmUp(t, m)
		s := begin(t, m, "", session.Exclusive)
		s.Set("a", 1)
		s.Set("b", 1)
		failCommit(t, s, f, refuse)
		s.Delete("a")
		commit(t, s)
		if v := view(t, m, s.ID()); v.Len() != 1 || !v.Has("b") {
			t.Errorf("the keys are %v", v.Keys())
		}
	})
}

// What the first try has written is known to be this session's after a second that was not.
func TestTakenBackAfterTwoFailures(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Shared)
		s.Set("b", 1)
		failCommit(t, s, f, lose)
		s.Delete("b")
		f.then(nil, refuse) // it looks for what was written, and then does not write
		if s.Commit(context.Background()) == nil || !f.used() {
			t.Fatal("nothing has failed")
		}
		s.Set("c", 1)
		commit(t, s)
		if keys := view(t, m, id).Keys(); !slices.Equal(keys, []string{"c", "n"}) {
			t.Errorf("the keys are %v", keys)
		}
	})
}

// A timeout that was set, though the reply was lost, and then is taken back.
func TestTimeoutThatIsTakenBack(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Shared)
		s.SetTimeout(time.Hour)
		failCommit(t, s, f, lose)
		s.SetTimeout(20 * time.Minute)
		commit(t, s)
		if left := r.client.PTTL(context.Background(), r.key(id, "Data")).Val(); left > 20*time.Minute {
			t.Errorf("%v are left", left)
		}
	})
}

// While a session moves to another ID, a Shared commit comes in between, and then the
// move fails. The next try starts from what the Shared commit has left.
func TestMoveAgainAfterASharedCommit(t *testing.T) {
	const longer = 7 * time.Hour
	for name, c := range map[string]struct {
		shared func(*session.Session)
		fails  func(r *rig, id string, on *onCmd)
		change func(*session.Session)
		want   []string
	}{
		"a longer timeout": {
			func(s *session.Session) { s.SetTimeout(longer) },
			func(r *rig, id string, on *onCmd) { on.arm(r.key(id, "Ended"), lose) },
			func(s *session.Session) { s.Set("own", 1) },
			[]string{"n", "own"},
		},
		"reply lost, other change": {
			func(s *session.Session) { s.Set("shared", 1); s.Delete("n") },
			func(r *rig, id string, on *onCmd) { on.arm(r.key(id, "Ended"), lose) },
			func(s *session.Session) { s.Set("own", 1) },
			[]string{"own", "shared"},
		},
		"reply lost, same again": {
			func(s *session.Session) { s.Set("shared", 1); s.SetCompanion("c") },
			func(r *rig, id string, on *onCmd) { on.arm(r.key(id, "Ended"), lose) },
			func(*session.Session) {},
			[]string{"n", "shared"},
		},
		"not loaded": {
			func(s *session.Session) { s.Set("shared", 1) },
			func(r *rig, id string, on *onCmd) { on.arm(r.key(id, "Data"), refuse) },
			func(*session.Session) {},
			[]string{"n", "shared"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m, on := matching(r, session.Options{})
				other := r.manager(session.Options{})
				warmUp(t, m)
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate()
				on.arm(r.key(id, "Ended"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					shared := begin(t, other, id, session.Shared)
					c.shared(shared)
					commit(t, shared)
					err := next(ctx, cmd)
					c.fails(r, id, on)
					return err
				})
				if err := s.Commit(context.Background()); err == nil || !on.done() {
					t.Fatalf("nothing has failed: %v", err)
				}
				c.change(s)
				commit(t, s)
				if v := view(t, m, s.ID()); !slices.Equal(v.Keys(), c.want) {
					t.Errorf("the keys are %v, want %v", v.Keys(), c.want)
				}
				lives := r.client.PTTL(context.Background(), r.key(s.ID(), "Data")).Val()
				if (lives > time.Hour) != (name == "a longer timeout") {
					t.Errorf("it lives for %v", lives)
				}
			})
		})
	}
}

// What was not written is not taken back either: it may be another's by then.
func TestTakingBackSparesOthers(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{Hooks: session.Hooks{
			OnFieldsDeleted: func(_ context.Context, _ *session.Session, keys []string) { t.Errorf("%v were deleted", keys) },
		}})
		other := r.manager(session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Shared)
		s.Set("n", 2)
		s.Set("b", 2)
		s.SetTimeout(time.Hour)
		failCommit(t, s, f, refuse)
		o := begin(t, other, id, session.Shared)
		o.Set("n", 7)
		o.Set("b", 7)
		o.SetTimeout(3 * time.Hour)
		commit(t, o)
		s.Set("n", 1)
		s.Delete("b")
		s.SetTimeout(20 * time.Minute)
		commit(t, s)
		if v := view(t, m, id); get[int](t, v, "n") != 7 || get[int](t, v, "b") != 7 {
			t.Error("what the other has written is gone")
		}
		if left := r.client.PTTL(context.Background(), r.key(id, "Data")).Val(); left < 2*time.Hour {
			t.Errorf("%v are left", left)
		}
	})
}

// Nor is what was written, once another has committed since, even at the last moment.
func TestTakingBackComesTooLate(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		other := r.manager(session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Shared)
		s.Set("n", 2)
		s.Set("b", 2)
		failCommit(t, s, f, lose)
		s.Set("n", 1)
		s.Delete("b")
		s.Set("own", 1)
		f.then(pass, before(func() {
			o := begin(t, other, id, session.Shared)
			o.Set("n", 7)
			o.Set("b", 7)
			commit(t, o)
		}))
		commit(t, s)
		if v := view(t, m, id); get[int](t, v, "n") != 7 || get[int](t, v, "b") != 7 || get[int](t, v, "own") != 1 {
			t.Error("what the other has written is gone, or what is this one's")
		}
	})
}

func TestTakingBackATimeoutComesTooLate(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		other := r.manager(session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Shared)
		s.SetTimeout(time.Hour)
		failCommit(t, s, f, lose)
		s.SetTimeout(20 * time.Minute)
		f.then(pass, before(func() {
			o := begin(t, other, id, session.Shared)
			o.SetTimeout(3 * time.Hour)
			commit(t, o)
		}))
		commit(t, s)
		if left := r.client.PTTL(context.Background(), r.key(id, "Data")).Val(); left < 2*time.Hour {
			t.Errorf("%v are left", left)
		}
	})
}

// A commit whose reply was lost, and that is tried again once others have committed, does not
// say that nothing was written.
func TestCommitAgainAfterOthers(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		other := r.manager(session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		failCommit(t, s, f, lose)
		o := begin(t, other, id, session.Exclusive)
		o.Set("n", 3)
		commit(t, o)
		err := s.Commit(context.Background())
		wantErr(t, err, session.ErrLockLost)
		var failed *session.OpError
		if !errors.As(err, &failed) {
			t.Errorf("the error is %v", err)
		}
	})
}

// Nothing was written and nothing is wanted any more: that the session has ended
// meanwhile is no error.
func TestTakenBackFromASessionThatEnded(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Shared)
		s.Set("b", 1)
		failCommit(t, s, f, refuse)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		s.Delete("b")
		commit(t, s)
	})
}

// A rotation that was refused, and whose retry finds that another has taken the lease, has
// retired nothing: the other's commit stays, and what was saved under a new ID does not.
func TestRotationThatLostItsLease(t *testing.T) {
	for name, silently := range map[string]bool{"returned": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := matching(r, session.Options{RetryTimeout: time.Second, FailSilently: silently})
				other := r.manager(session.Options{})
				warmUp(t, m)
				time.Sleep(time.Hour) // and nothing of that is left
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate()
				on.arm(r.key(id, "Ended"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					r.client.Del(ctx, r.key(id, "Lock"))
					o := begin(t, other, id, session.Exclusive)
					o.Set("n", 7)
					commit(t, o)
					return refuse(ctx, cmd, next)
				})
				if err := s.Commit(context.Background()); (err == nil) != silently || err != nil && !errors.Is(err, session.ErrLockLost) {
					t.Error(err)
				}
				synctest.Wait()
				time.Sleep(2 * time.Minute) // what is discarded is retired meanwhile
				if keys := r.keys(); len(keys) != 1 || get[int](t, view(t, m, id), "n") != 7 {
					t.Errorf("%d sessions, or not what the other has written", len(keys))
				}
			})
		})
	}
}

// The index of ends follows a timeout that is taken back.
func TestTakenBackTimeoutOfATrackedSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, tracked())
		warmUp(t, m)
		time.Sleep(time.Hour)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Shared)
		s.SetTimeout(5 * time.Hour)
		failCommit(t, s, f, lose)
		var h endings
		stop := handleEnds(t, r.manager(tracked()), h.handle)
		time.Sleep(90 * time.Second) // its deadline has been looked at
		s.SetTimeout(time.Minute)
		commit(t, s)
		time.Sleep(10 * time.Minute)
		stop()
		if !slices.ContainsFunc(h.list(), func(e session.Ended) bool { return e.ID == id }) {
			t.Error("its end was not handed out")
		}
	})
}
