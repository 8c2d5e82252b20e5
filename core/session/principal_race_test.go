package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// isOf tells whether an ID opens a session of a principal.
func isOf(t *testing.T, m *session.Manager, id, principal string) bool {
	t.Helper()
	return view(t, m, id).Principal() == principal
}

// rotate gives the session another ID, and returns it.
func rotate(t *testing.T, m *session.Manager, id string) string {
	t.Helper()
	s := begin(t, m, id, session.Exclusive)
	s.Rotate()
	commit(t, s)
	return s.ID()
}

// A rotation that comes too late changes nothing: the session stays in the index under
// the ID that its client has.
func TestRefusedRotationStaysListed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{LockHold: time.Second, LockTTL: time.Second})
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		time.Sleep(5 * time.Second) // longer than LockHold: the lease is gone
		s.Rotate()
		wantErr(t, s.Commit(ctx), session.ErrLockLost)
		time.Sleep(time.Second)
		if n := len(handles(t, m, "ann")); n != 1 {
			t.Errorf("ann has %d sessions, want 1", n)
		}
		n, err := m.EndAll(ctx, "ann")
		if isOf(t, m, id, "ann") {
			t.Errorf("EndAll ended %d (%v), and the session lives", n, err)
		}
	})
}

// The same when Redis cannot be reached to retire the old ID, and the request gives up.
func TestFailedRotationStaysListed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := faulty(r, session.Options{})
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		s.Rotate()
		f.then(pass, pass, refuse) // saved and listed, but the old ID is not retired
		if err := s.Commit(ctx); err == nil || !f.used() {
			t.Fatalf("error is %v", err)
		}
		s.Rollback(ctx)
		time.Sleep(time.Second)
		n, err := m.EndAll(ctx, "ann")
		if isOf(t, m, id, "ann") {
			t.Errorf("EndAll ended %d (%v), and the session lives", n, err)
		}
	})
}

// The same with FailSilently, where the client gets the new ID: the old one is retired as
// soon as Redis can be reached.
func TestSilentRotationRetiresTheOldID(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := faulty(r, session.Options{FailSilently: true})
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		s.Rotate()
		f.then(pass, pass, refuse)
		commit(t, s)
		if s.ID() == id || !f.used() {
			t.Fatal("the client keeps the old ID")
		}
		time.Sleep(30 * time.Second)
		if isOf(t, m, id, "ann") || !isOf(t, m, s.ID(), "ann") {
			t.Error("the old ID opens the session, or the new one does not")
		}
		n, err := m.EndAll(ctx, "ann")
		if n != 1 || err != nil || isOf(t, m, s.ID(), "ann") {
			t.Errorf("EndAll ended %d (%v), want 1", n, err)
		}
	})
}

// A session that gets another ID after EndAll has looked at the index is ended too.
func TestEndAllWhileASessionRotates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		operator, f := faulty(r, session.Options{})
		id := signIn(t, m, "ann")
		f.then(after(func() { id = rotate(t, m, id) }))
		n, err := operator.EndAll(context.Background(), "ann")
		if isOf(t, m, id, "ann") {
			t.Errorf("EndAll ended %d (%v), and the session lives", n, err)
		}
	})
}

// The same as it comes, with a session that is rotated all the time.
func TestEndAllRacesRotations(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	m, operator := r.manager(session.Options{}), r.manager(session.Options{})
	for range 200 {
		id := signIn(t, m, "ann")
		rotating, last := make(chan struct{}), make(chan string)
		go func() {
			defer func() { last <- id }()
			for i := range 20 {
				s, err := m.Begin(ctx, id, session.Exclusive)
				if i == 0 {
					close(rotating)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if s.Principal() == "" {
					return // ended
				}
				s.Rotate()
				if err := s.Commit(ctx); err != nil {
					if !errors.Is(err, session.ErrEnded) {
						t.Error(err)
					}
					return
				}
				id = s.ID()
			}
		}()
		<-rotating
		n, err := operator.EndAll(ctx, "ann")
		if id := <-last; err != nil || isOf(t, m, id, "ann") {
			t.Fatalf("EndAll ended %d (%v), and the session lives", n, err)
		}
	}
}

// The oldest session makes room even if it gets another ID meanwhile.
func TestNoMoreThanTheLimitStay(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		o := session.Options{MaxPerPrincipal: 2}
		m := r.manager(o)
		late, f := matching(r, o)
		oldest := signIn(t, m, "ann")
		signIn(t, m, "ann")
		looks := 0
		f.each("zrange", after(func() {
			// The first look finds that there are too many, the second who has to give way.
			if looks++; looks == 2 {
				rotate(t, m, oldest)
			}
		}))
		signIn(t, late, "ann")
		if looks < 2 {
			t.Fatal("nobody had to make room")
		}
		if n := len(handles(t, m, "ann")); n != 2 {
			t.Errorf("ann has %d sessions, the limit is 2", n)
		}
	})
}

// Sign-ins of all processes at once, half of which are followed by a rotation.
func TestParallelSignInsAndRotations(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		managers := make([]*session.Manager, 4)
		for i := range managers {
			managers[i] = r.manager(session.Options{MaxPerPrincipal: 3})
		}
		var all sync.WaitGroup
		ids := make([]string, 40)
		for i := range ids {
			all.Go(func() {
				m := managers[i%4]
				s, err := m.Begin(ctx, "", session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				s.SetPrincipal("ann")
				if err := s.Commit(ctx); err != nil {
					t.Error(err)
				}
				if ids[i] = s.ID(); i/4%2 == 0 {
					return
				}
				if s, err = m.Begin(ctx, ids[i], session.Exclusive); err != nil {
					t.Error(err)
					return
				}
				s.Rotate()
				if err := s.Commit(ctx); err == nil {
					ids[i] = s.ID()
				} else if !errors.Is(err, session.ErrEnded) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		alive := 0
		for _, id := range ids {
			if isOf(t, managers[0], id, "ann") {
				alive++
			}
		}
		if alive != 3 {
			t.Errorf("%d are alive, want 3", alive)
		}
		// What refused rotations have saved goes beside the request.
		until(t, "three are in the index", func() bool { return len(handles(t, managers[0], "ann")) == 3 })
	})
}

// A rotation that is done once more, for a Shared commit, is no sign-in either.
func TestRepeatedRotationKeepsItsPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{})
		other := r.manager(session.Options{})
		id := signIn(t, m, "ann")
		signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		s.Rotate()
		f.then(before(func() {
			shared := begin(t, other, id, session.Shared)
			shared.Set("n", 5)
			commit(t, shared)
		}))
		commit(t, s)
		if get[int](t, view(t, m, s.ID()), "n") != 5 {
			t.Error("the Shared commit is lost")
		}
		if got := handles(t, m, "ann"); len(got) != 2 || got[0] != s.Handle() {
			t.Errorf("they are %v, of which %v is the oldest", got, s.Handle())
		}
	})
}
