package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestLifeOfASession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		if !s.IsNew() || s.ID() != "" || s.Detached() || !s.CreatedAt().IsZero() {
			t.Fatal("a new session is not new")
		}
		s.Set("name", "Ann")
		s.Set("n", 41)
		commit(t, s)
		id := s.ID()
		if len(id) != 26 {
			t.Fatalf("the ID has %d characters", len(id))
		}

		s = begin(t, m, id, session.Exclusive)
		if s.IsNew() || s.ID() != id || s.Access() != session.Exclusive || s.Len() != 2 {
			t.Fatal("the session was not found")
		}
		if age := time.Since(s.CreatedAt()); age < 0 || age > time.Minute {
			t.Errorf("created %v ago", age)
		}
		s.Set("n", get[int](t, s, "n")+1)
		s.Delete("name")
		if s.Has("name") || strings.Join(s.Keys(), " ") != "n" {
			t.Errorf("keys are %v", s.Keys())
		}
		commit(t, s)

		s = view(t, m, id)
		if get[int](t, s, "n") != 42 {
			t.Error("the change was not saved")
		}
		_, err := session.Get[string](s, "name")
		wantErr(t, err, session.ErrNoValue)
		if got := len(r.keys()); got != 1 {
			t.Errorf("%d keys are left", got)
		}
	})
}

// peers.md 10, 21: an ID that the client made up, or that has expired, is not
// adopted, and leaves no lock behind.
func TestUnknownIDIsNotAdopted(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		made := strings.Repeat("a", 26)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := begin(t, m, made, access)
			if !s.IsNew() || s.ID() != "" {
				t.Errorf("%v: the unknown ID was adopted", access)
			}
			if keys := r.keys(); len(keys) != 0 {
				t.Errorf("%v: the unknown ID left %v", access, keys)
			}
			if access == session.ReadOnly {
				continue
			}
			s.Set("a", 1)
			commit(t, s)
			if s.ID() == made || len(s.ID()) != 26 {
				t.Errorf("%v: saved under the unknown ID", access)
			}
			if err := m.End(context.Background(), s.ID()); err != nil {
				t.Fatal(err)
			}
			r.client.Del(context.Background(), r.keys()...)
		}
	})
}

func TestMalformedIDsNeverReachRedis(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.newClient(), &trips{}
		client.AddHook(count)
		m := r.managerOn(client, session.Options{})
		for _, id := range []string{
			"", "a", strings.Repeat("a", 25), strings.Repeat("a", 27), strings.Repeat("A", 26), strings.Repeat("1", 26),
			strings.Repeat("a", 25) + "}", strings.Repeat("a", 25) + "\n", strings.Repeat("ä", 13), strings.Repeat("x", 10_000),
		} {
			s := begin(t, m, id, session.Exclusive)
			if !s.IsNew() {
				t.Errorf("%d bytes were taken for an ID", len(id))
			}
			commit(t, s)
			if err := m.End(context.Background(), id); err == nil {
				t.Error("ended a session of a malformed ID")
			}
		}
		if n := count.n.Load(); n != 0 {
			t.Errorf("%d calls to Redis", n)
		}
	})
}

func TestNewSessionIsSavedOnlyIfWritten(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		for name, handle := range map[string]func(s *session.Session){
			"untouched":          func(*session.Session) {},
			"read":               func(s *session.Session) { s.Has("a") },
			"set and deleted":    func(s *session.Session) { s.Set("a", 1); s.Delete("a") },
			"set and cleared":    func(s *session.Session) { s.Set("a", 1); s.Clear() },
			"time-out only":      func(s *session.Session) { s.SetTimeout(time.Hour) },
			"rotated":            func(s *session.Session) { s.Rotate() },
			"set and abandoned":  func(s *session.Session) { s.Set("a", 1); s.Abandon() },
			"principal and back": func(s *session.Session) { s.SetPrincipal("ann"); s.SetPrincipal("") },
		} {
			s := begin(t, m, "", session.Exclusive)
			handle(s)
			commit(t, s)
			if s.ID() != "" || len(r.keys()) != 0 {
				t.Errorf("%s: was saved", name)
			}
		}
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		commit(t, s)
		if s.ID() == "" || begin(t, m, s.ID(), session.ReadOnly).Principal() != "ann" {
			t.Error("a session with a principal was not saved")
		}
	})
}

func TestRollbackWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		s.Rollback(cancelled)
		s.Rollback(ctx)
		if err := s.Commit(ctx); err == nil {
			t.Error("a commit after a rollback succeeded")
		}
		if r.exists(r.key(id, "Lock")) {
			t.Error("the lease was not given up")
		}
		if n := get[int](t, view(t, m, id), "n"); n != 1 {
			t.Errorf("n is %d", n)
		}
		if st := m.Stats(); st.RolledBack != 1 {
			t.Errorf("%d were rolled back", st.RolledBack)
		}
	})
}

func TestDo(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		id := saved(t, m, "n", 1)
		inc := func(s *session.Session) error {
			n, err := session.Get[int](s, "n")
			s.Set("n", n+1)
			return err
		}
		if err := m.Do(ctx, id, session.Exclusive, inc); err != nil {
			t.Fatal(err)
		}
		err := m.Do(ctx, id, session.Exclusive, func(s *session.Session) error {
			_ = inc(s)
			return context.DeadlineExceeded
		})
		wantErr(t, err, context.DeadlineExceeded)
		func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic did not go on")
				}
			}()
			_ = m.Do(ctx, id, session.Exclusive, func(s *session.Session) error {
				_ = inc(s)
				panic("boom")
			})
		}()
		if r.exists(r.key(id, "Lock")) {
			t.Error("the lease was not given up")
		}
		if n := get[int](t, view(t, m, id), "n"); n != 2 {
			t.Errorf("n is %d, want 2", n)
		}
	})
}

func TestIdleTimeoutSlides(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{Timeout: 10 * time.Minute})
		id := saved(t, m)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			time.Sleep(9 * time.Minute)
			s := begin(t, m, id, access)
			if s.IsNew() {
				t.Fatalf("%v: expired in spite of requests", access)
			}
			commit(t, s)
		}
		time.Sleep(10*time.Minute + time.Millisecond)
		if !begin(t, m, id, session.ReadOnly).IsNew() {
			t.Error("did not expire")
		}
	})
}

// A commit moves the idle time too, not only a begin.
func TestCommitStartsIdleTimeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{Timeout: time.Minute})
		id := saved(t, m)
		for _, write := range []bool{false, true} {
			s := begin(t, m, id, session.Exclusive)
			time.Sleep(50 * time.Second)
			if write {
				s.Set("n", 1)
			}
			commit(t, s)
			time.Sleep(50 * time.Second)
			if begin(t, m, id, session.ReadOnly).IsNew() {
				t.Fatalf("expired 50 s after a commit (wrote: %v)", write)
			}
		}
	})
}

// peers.md 40: a session's own time-out outlives requests that know nothing of it.
func TestSetTimeoutSurvivesLaterRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{Timeout: 10 * time.Minute})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		s.SetTimeout(time.Hour)
		commit(t, s)
		for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive, session.Shared} {
			time.Sleep(59 * time.Minute)
			s := begin(t, m, id, access)
			if s.IsNew() {
				t.Fatalf("%v: the session's own time-out was lost", access)
			}
			if access != session.ReadOnly {
				s.Set("by", access.String())
			}
			commit(t, s)
		}
		s = begin(t, m, id, session.Shared)
		s.SetTimeout(time.Minute)
		commit(t, s)
		time.Sleep(time.Minute + time.Millisecond)
		if !begin(t, m, id, session.ReadOnly).IsNew() {
			t.Error("a shorter time-out did not take effect")
		}
	})
}

func TestSetTimeoutOnNewSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		s.SetTimeout(time.Minute)
		s.Set("a", 1)
		commit(t, s)
		time.Sleep(time.Minute + time.Millisecond)
		if !begin(t, m, s.ID(), session.ReadOnly).IsNew() {
			t.Error("did not expire after its own time-out")
		}
	})
}

func TestSetTimeoutRefusesNonsense(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		for _, d := range []time.Duration{0, -time.Second, time.Microsecond} {
			s := begin(t, m, "", session.Exclusive)
			s.Set("a", 1)
			s.SetTimeout(d)
			if err := s.Commit(context.Background()); err == nil || s.ID() != "" {
				t.Errorf("a time-out of %v was taken", d)
			}
		}
	})
}

func TestMaxLifetime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{Timeout: 10 * time.Minute, MaxLifetime: time.Hour})
		for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive} {
			id := saved(t, m)
			for i := range 11 {
				time.Sleep(5 * time.Minute)
				s := begin(t, m, id, access)
				if s.IsNew() {
					t.Fatalf("%v: ended after %d minutes", access, 5*(i+1))
				}
				if access != session.ReadOnly {
					s.Set("i", i)
				}
				commit(t, s)
			}
			if ttl := r.client.PTTL(context.Background(), r.key(id, "Data")).Val(); ttl > 5*time.Minute {
				t.Errorf("%v: five minutes before its end it lives for %v", access, ttl)
			}
			time.Sleep(5*time.Minute + time.Millisecond)
			if !begin(t, m, id, access).IsNew() {
				t.Errorf("%v: outlived MaxLifetime", access)
			}
			if keys := r.keys(); len(keys) != 0 {
				t.Errorf("%v: left %v", access, keys)
			}
		}
	})
}

// A session that ends by MaxLifetime while a request holds it is not written
// back, not even in part (peers.md 15).
func TestMaxLifetimeDuringARequest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{MaxLifetime: time.Minute})
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			id := saved(t, m, "a", 1, "b", 2)
			s := begin(t, m, id, access)
			s.Set("a", 2)
			time.Sleep(time.Minute)
			if r.exists(r.key(id, "Data")) {
				t.Errorf("%v: a request keeps it alive", access)
			}
			wantErr(t, s.Commit(context.Background()), session.ErrEnded)
			if keys := r.keys(); len(keys) != 0 {
				t.Errorf("%v: left %v", access, keys)
			}
		}
	})
}

func TestMaxLifetimeOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	m := r.manager(session.Options{MaxLifetime: 300 * time.Millisecond})
	start := time.Now()
	id := saved(t, m)
	until(t, "the session ends, however busy", func() bool {
		s := begin(t, m, id, session.Exclusive)
		defer commit(t, s)
		return s.IsNew()
	})
	if age := time.Since(start); age < 299*time.Millisecond {
		t.Errorf("ended after %v already", age)
	}
}

// A session is not idle while a request holds it.
func TestHeldSessionDoesNotExpire(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{Timeout: 5 * time.Second})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 1)
		time.Sleep(time.Minute)
		commit(t, s)
		if begin(t, m, id, session.ReadOnly).IsNew() {
			t.Error("expired while it was held")
		}
	})
}

func TestSharedMergesFieldByField(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "a", 1, "b", 1, "c", 1)
		one, two := begin(t, m, id, session.Shared), begin(t, m, id, session.Shared)
		one.Set("a", 2)
		two.Set("b", 2)
		one.SetTimeout(time.Hour)
		two.Delete("c")
		commit(t, one)
		commit(t, two)
		s := view(t, m, id)
		if get[int](t, s, "a") != 2 || get[int](t, s, "b") != 2 || s.Has("c") {
			t.Error("a commit undid the other")
		}
		if ttl := r.client.PTTL(context.Background(), r.key(id, "Data")).Val(); ttl < 50*time.Minute {
			t.Errorf("the time-out that the first set was lost: %v", ttl)
		}
	})
}

func TestReadOnlyRefusesChanges(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "a", 1)
		for name, change := range map[string]func(*session.Session){
			"Set":          func(s *session.Session) { s.Set("a", 2) },
			"Delete":       func(s *session.Session) { s.Delete("a") },
			"Clear":        func(s *session.Session) { s.Clear() },
			"Rotate":       func(s *session.Session) { s.Rotate() },
			"Abandon":      func(s *session.Session) { s.Abandon() },
			"SetTimeout":   func(s *session.Session) { s.SetTimeout(time.Hour) },
			"SetPrincipal": func(s *session.Session) { s.SetPrincipal("ann") },
		} {
			s := begin(t, m, id, session.ReadOnly)
			change(s)
			wantErr(t, s.Err(), session.ErrReadOnly)
			err := s.Commit(context.Background())
			wantErr(t, err, session.ErrReadOnly)
			if !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name %s: %v", name, err)
			}
			if get[int](t, s, "a") != 1 {
				t.Errorf("%s took effect", name)
			}
		}
	})
}

// ReadOnly takes no lock and waits for none, and sees a whole session.
func TestReadOnlyBesideExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "a", 1, "b", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("a", 2)
		s.Set("b", 2)
		reader := view(t, m, id)
		if get[int](t, reader, "a") != 1 || get[int](t, reader, "b") != 1 {
			t.Error("saw changes that are not committed")
		}
		commit(t, s)
		reader = view(t, m, id)
		if get[int](t, reader, "a") != 2 || get[int](t, reader, "b") != 2 {
			t.Error("did not see the commit")
		}
	})
}

func TestNoneIsDetached(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "a", 1)
		s := begin(t, m, id, session.None)
		if !s.Detached() || s.Len() != 0 || s.ID() != "" || s.IsNew() {
			t.Error("None looked at the session")
		}
		s.Set("b", 1)
		s.SetPrincipal("ann")
		if get[int](t, s, "b") != 1 {
			t.Error("a detached session does not work like any other")
		}
		commit(t, s)
		if got := view(t, m, id); got.Has("b") || got.Principal() != "" {
			t.Error("a detached session was saved")
		}
	})
}

func TestSealedAfterCommit(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var reported []error
		m := r.manager(session.Options{Hooks: session.Hooks{
			OnError: func(_ context.Context, err error) { reported = append(reported, err) },
		}})
		id := saved(t, m, "a", 1)
		s := begin(t, m, id, session.Exclusive)
		commit(t, s)
		if err := s.Commit(context.Background()); err != nil {
			t.Errorf("a second commit: %v", err)
		}
		s.Set("a", 2)
		wantErr(t, s.Err(), session.ErrSealed)
		wantErr(t, s.Commit(context.Background()), session.ErrSealed)
		if len(reported) == 0 {
			t.Fatal("the late change was lost in silence")
		}
		wantErr(t, reported[0], session.ErrSealed)
		if get[int](t, view(t, m, id), "a") != 1 {
			t.Error("the late change was written")
		}
	})
}

// Work on a session that is not there is not done, rather than done for nobody.
func TestDoNeedsItsSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		gone := saved(t, m)
		if err := m.End(ctx, gone); err != nil {
			t.Fatal(err)
		}
		keys := len(r.keys())
		for id, want := range map[string]error{
			strings.Repeat("a", 26): session.ErrUnknown,
			"malformed":             session.ErrUnknown,
			gone:                    session.ErrEnded,
		} {
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				wantErr(t, m.Do(ctx, id, access, func(*session.Session) error {
					t.Error("f was called")
					return nil
				}), want)
			}
		}
		if len(r.keys()) != keys {
			t.Errorf("left %v", r.keys())
		}
		var made string
		err := m.Do(ctx, "", session.Exclusive, func(s *session.Session) error {
			s.Set("n", 1)
			if err := s.Commit(ctx); err != nil {
				return err
			}
			made = s.ID()
			return nil
		})
		if err != nil || get[int](t, view(t, m, made), "n") != 1 {
			t.Errorf("a new one: %v", err)
		}
	})
}
