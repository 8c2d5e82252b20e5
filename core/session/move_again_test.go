package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/session"
)

// A request signs in and out, rotates, changes values, and commits again after commits that
// failed anywhere on their way, until it succeeds, abandons the session or gives up. Then
// there is one session or none, and what goes with it: its place in the indexes, its
// companion, and in the end its end.
func TestMoveAgainAgainstAModel(t *testing.T) {
	t.Parallel()
	checks(t, func(rt *rapid.T) {
		var err error
		p := drawMoves(rt)
		bubble(t, func(t *testing.T, r *rig) { err = p.run(t, r) })
		if err != nil {
			rt.Fatalf("%+v: %v", p, err)
		}
	})
}

// The same for each call of a rotation and of a sign-in, and then perhaps for the first ones
// of the next try, which has other changes.
func TestMoveAgainAtEachCall(t *testing.T) {
	t.Parallel()
	for call := range 10 {
		for _, lost := range []bool{false, true} {
			for _, then := range []string{"commit", "abandon", "roll back", "silent"} {
				for _, again := range []int{-1, 1, 4, 100} {
					for _, change := range []string{"rotate", "sign in"} {
						p := moves{Silent: then == "silent", Companion: true, SignedIn: change == "rotate", Then: then, Last: "set"}
						p.Failing = []move{{change, call, lost}}
						if again == 100 {
							p.Ended = true
						} else if again >= 0 {
							p.Failing = append(p.Failing, move{"set", again, false})
						}
						bubble(t, func(t *testing.T, r *rig) {
							if err := p.run(t, r); err != nil {
								t.Errorf("%+v: %v", p, err)
							}
						})
					}
				}
			}
		}
	}
}

// A copy that is still to be discarded does not push another session of the user out.
func TestCopyDoesNotCount(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, session.Options{MaxPerPrincipal: 2})
		warmUp(t, m)
		id := signIn(t, m, "ann")
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		on.arm("Principal", lose)
		if s.Commit(context.Background()) == nil || !on.done() {
			t.Fatal("nothing has failed")
		}
		s.Set("n", 1)
		on.each("_Ended", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			time.Sleep(time.Second) // whatever retires an ID is slow
			return next(ctx, cmd)
		})
		commit(t, s)
		time.Sleep(10 * time.Second)
		if view(t, m, id).Principal() != "ann" || view(t, m, s.ID()).Principal() != "ann" {
			t.Error("a session was ended")
		}
		if n := len(handles(t, m, "ann")); n != 2 {
			t.Errorf("ann has %d sessions", n)
		}
	})
}

// What is to be discarded is, as soon as Redis can be reached.
func TestCopyIsDiscardedAfterAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		warmUp(t, m)
		time.Sleep(time.Hour) // and nothing of that is left
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		failCommit(t, s, f, lose)
		f.then(slices.Repeat([]step{refuse}, 10)...)
		s.Delete("n")
		commit(t, s)
		time.Sleep(2 * time.Minute) // its ID is retired meanwhile
		if keys := r.keys(); len(keys) != 0 || !f.used() {
			t.Errorf("%d keys are left", len(keys))
		}
	})
}

// Of a session that another has ended while its move was in doubt, that is the end, whatever
// the request does then.
func TestEndedWhileAMoveIsInDoubt(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, s *session.Session){
		"abandoned":   func(t *testing.T, s *session.Session) { s.Abandon(); commit(t, s) },
		"rolled back": func(_ *testing.T, s *session.Session) { s.Rollback(context.Background()) },
		"changed": func(t *testing.T, s *session.Session) {
			s.Set("n", 2)
			wantErr(t, s.Commit(context.Background()), session.ErrEnded)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := matching(r, tracked())
				r.warmUpOnly(t, m)
				var h endings
				handleEnds(t, m, h.handle)
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate()
				on.arm(r.key(id, "Ended"), refuse)
				if s.Commit(context.Background()) == nil || !on.done() {
					t.Fatal("nothing has failed")
				}
				if err := m.End(context.Background(), id); err != nil {
					t.Fatal(err)
				}
				then(t, s)
				time.Sleep(10 * time.Minute)
				if ends := h.list(); len(ends) != 1 || ends[0].ID != id || ends[0].Reason != session.Operator {
					t.Errorf("the ends are %v", ends)
				}
				if keys := r.keys(); len(keys) != 0 {
					t.Errorf("%d keys are left", len(keys))
				}
			})
		})
	}
}

// A session that has moved, so long ago that its old ID is forgotten, can be abandoned still.
func TestAbandonLongAfterAMoveInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, tracked(func(o *session.Options) { o.Timeout = time.Hour }))
		r.warmUpOnly(t, m)
		var h endings
		handleEnds(t, m, h.handle)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Rotate()
		on.arm(r.key(id, "Ended"), lose)
		if s.Commit(context.Background()) == nil || !on.done() {
			t.Fatal("nothing has failed")
		}
		time.Sleep(5 * time.Minute)
		s.Abandon()
		commit(t, s)
		time.Sleep(10 * time.Second)
		if ends := h.list(); len(ends) != 1 || ends[0].Reason != session.Abandoned || get[int](t, ends[0].Session, "n") != 1 {
			t.Errorf("the ends are %v", ends)
		}
	})
}

// A request that gives up a move whose retirement was refused leaves the session as it was,
// and with one that arrives late, the copy.
func TestRollbackOfAMoveInDoubt(t *testing.T) {
	for name, late := range map[string]bool{"refused": false, "late": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := matching(r, session.Options{})
				r.warmUpOnly(t, m)
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate()
				on.arm(r.key(id, "Ended"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					if late {
						again := redis.NewCmd(context.Background(), cmd.Args()...)
						time.AfterFunc(5*time.Millisecond, func() { _ = r.client.Process(context.Background(), again) })
					}
					return refuse(ctx, cmd, next)
				})
				if s.Commit(context.Background()) == nil {
					t.Fatal("nothing has failed")
				}
				// For a while the lease cannot be given up.
				before := time.Now().Add(10 * time.Millisecond)
				on.each(r.key(id, "Waiters"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					if releases := len(cmd.Args()) == 7; releases && time.Now().Before(before) {
						return refuse(ctx, cmd, next)
					}
					return next(ctx, cmd)
				})
				s.Rollback(context.Background())
				time.Sleep(2 * time.Minute) // what was retired is forgotten
				if n := len(r.keys()); n != 1 || (r.hget(id, "n") == "1") == late {
					t.Errorf("there are %d sessions, the old one is there: %t", n, r.hget(id, "n") == "1")
				}
			})
		})
	}
}

// To abandon a session that was to be rotated takes one call.
func TestAbandonInPlaceOfARotation(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, c := r.newClient(), &trips{}
		client.AddHook(c)
		m := r.managerOn(client, session.Options{})
		warmUp(t, m)
		s := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
		c.n.Store(0)
		s.Rotate()
		s.Abandon()
		commit(t, s)
		synctest.Wait()
		if n := c.n.Load(); n != 1 {
			t.Errorf("there were %d calls", n)
		}
	})
}

// moves are what a request does to a session.
type moves struct {
	Silent                   bool   // with FailSilently, so that a commit that fails is the last
	New, Companion, SignedIn bool   // what the session is before
	Ended                    bool   // by an operator after the failures, and its copies too
	Failing                  []move // each followed by a commit that fails, if it makes so many calls
	Then                     string // what it does in the end
	Last                     string // the change before that
}

type move struct {
	Change string
	Call   int // that fails
	Lost   bool
}

func drawMoves(rt *rapid.T) moves {
	change := rapid.SampledFrom([]string{"set", "rotate", "sign in", "sign out", "companion"})
	return moves{
		Silent:    rapid.Bool().Draw(rt, "silent"),
		New:       rapid.Bool().Draw(rt, "new"),
		Ended:     rapid.IntRange(0, 3).Draw(rt, "ended") == 0,
		Companion: rapid.Bool().Draw(rt, "with companion"),
		SignedIn:  rapid.Bool().Draw(rt, "signed in"),
		Failing: rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) move {
			return move{change.Draw(rt, "change"), rapid.IntRange(0, 9).Draw(rt, "call"), rapid.Bool().Draw(rt, "lost")}
		}), 0, 3).Draw(rt, "failing"),
		Last: change.Draw(rt, "last"),
		Then: rapid.SampledFrom([]string{"commit", "abandon", "roll back"}).Draw(rt, "then"),
	}
}

const theUser = "the user"

func (p moves) run(t *testing.T, r *rig) error {
	client, f := r.newClient(), &requestFaults{}
	client.AddHook(f)
	m := r.managerOn(client, tracked(func(o *session.Options) {
		o.MaxPerPrincipal, o.EndSweep, o.FailSilently = 2, time.Minute, p.Silent
	}))
	r.warmUpOnly(t, m)
	var h endings
	handleEnds(t, m, h.handle)
	ctx := context.Background()

	// Another session of the user, who may have two.
	other := begin(t, m, "", session.Exclusive)
	other.SetPrincipal(theUser)
	commit(t, other)

	s := begin(t, m, "", session.Exclusive)
	var want wanted
	if !p.New {
		want.change(s, "set")
		if p.Companion {
			want.change(s, "companion")
		}
		if p.SignedIn {
			want.change(s, "sign in")
		}
		commit(t, s)
		s = begin(t, m, s.ID(), session.Exclusive)
	}
	var err error
	id, committed := s.ID(), false
	for _, failing := range p.Failing {
		want.change(s, failing.Change)
		f.at(failing.Call, map[bool]step{true: lose, false: refuse}[failing.Lost])
		err = s.Commit(request(ctx))
		f.at(0, nil)
		if committed = err == nil; committed || errors.Is(err, session.ErrLockLost) {
			break
		}
	}
	if p.Ended {
		for info, err := range m.Sessions(ctx) {
			if err != nil {
				return err
			}
			if info.Handle != other.Handle() {
				_ = info.End(ctx)
			}
		}
	}
	switch {
	case committed || errors.Is(err, session.ErrLockLost):
	case p.Then == "commit":
		want.change(s, p.Last)
		err = s.Commit(request(ctx))
		committed = true
	case p.Then == "abandon":
		s.Abandon()
		err = s.Commit(request(ctx))
		want.ended = true
	default:
		err = nil
	}
	silenced := p.Silent && s.Err() != nil
	s.Rollback(request(ctx))
	lost := errors.Is(err, session.ErrLockLost) // an earlier commit has given up the lease
	if err != nil && !lost && !(p.Ended && errors.Is(err, session.ErrEnded)) {
		return err
	}
	time.Sleep(30 * time.Second) // and all that goes on beside the request is done
	synctest.Wait()
	got, err := r.found(m, other.ID())
	if err != nil {
		return err
	}
	time.Sleep(5 * time.Minute)
	for _, e := range h.list() {
		switch {
		case e.ID != other.ID():
			got.ends++
		case e.Reason != session.Expired:
			return fmt.Errorf("the user's other session ended: %s", e.Reason)
		}
	}

	switch {
	case p.Ended && p.New: // a new one may have come after that
		return nil
	case p.Ended:
		want = wanted{ends: max(got.ends, 1)} // copies are listed too, while they are there
	case silenced && p.New:
		want = wanted{}
	case silenced && s.ID() != id && got.id != s.ID():
		return fmt.Errorf("the client has the ID of no session")
	case silenced:
		want = got
		want.live, want.ends = min(got.live, 1), 1
		if p.Companion && got.live > 0 {
			want.companion = "c"
		}
	case lost || !committed && !want.ended && !p.New:
		// As one of the commits has left it.
		want.id, want.value, want.companion, want.principal = got.id, got.value, got.companion, got.principal
		want.live, want.ends = 1, 1
		if p.Companion {
			want.companion = "c"
		}
	case committed && s.ID() == "":
		want = wanted{}
	case committed:
		want.id, want.live, want.ends = s.ID(), 1, 1
	case want.ended && !p.New:
		want = wanted{ends: 1}
	default:
		want = wanted{}
	}
	want.ended = false
	if got != want {
		return fmt.Errorf("there is %+v, not %+v", got, want)
	}
	return nil
}

// wanted is what there should be of a session, or is.
type wanted struct {
	id         string
	value      string
	principal  bool // it is among those of the user
	companion  string
	ended      bool
	live, ends int // how many
}

func (w *wanted) change(s *session.Session, change string) {
	switch change {
	case "set":
		w.value += "1"
		s.Set("n", w.value)
	case "rotate":
		s.Rotate()
	case "sign in":
		w.principal = true
		s.SetPrincipal(theUser)
	case "sign out":
		w.principal = false
		s.SetPrincipal("")
	case "companion":
		w.companion = "c"
		s.SetCompanion("c")
	}
}

// found returns what there is of the sessions but the other one.
func (r *rig) found(m *session.Manager, other string) (wanted, error) {
	ctx := context.Background()
	var w wanted
	for _, key := range r.keys() {
		id, isData := strings.CutSuffix(strings.TrimPrefix(key, "{"+r.app+"_"), "}_Data")
		if isData && id != other && !strings.HasPrefix(r.hget(id, "_berth"), "1 retired") {
			w.live, w.id, w.value = w.live+1, id, r.hget(id, "n")
		}
	}
	if w.value != "" {
		w.value = strings.Trim(w.value, `"`)
	}
	for _, key := range r.client.Keys(ctx, "*").Val() {
		switch {
		case strings.HasPrefix(key, "{"):
		case key != w.id:
			return w, fmt.Errorf("a companion of no session")
		default:
			w.companion = r.client.Get(ctx, key).Val()
		}
	}
	listed := r.client.ZCard(ctx, "{"+r.app+"_Principal_"+theUser+"}").Val()
	infos, err := m.SessionsOf(ctx, theUser)
	switch {
	case err != nil:
		return w, err
	case listed != int64(len(infos)):
		return w, fmt.Errorf("%d of %d sessions in the index are gone", int(listed)-len(infos), listed)
	}
	w.principal = len(infos) == 2
	if len(infos) == 0 || len(infos) > 2 {
		return w, fmt.Errorf("the user has %d sessions", len(infos))
	}
	return w, nil
}
