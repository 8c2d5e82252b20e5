package watch_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// change is something that ends a watch, done in another process.
type change struct {
	do   func(t *testing.T, m *session.Manager, id string)
	want session.Reason
}

func in(access session.Access, f func(s *session.Session)) func(t *testing.T, m *session.Manager, id string) {
	return func(t *testing.T, m *session.Manager, id string) {
		t.Helper()
		s := rig.Begin(t, m, id, access)
		f(s)
		rig.Commit(t, s)
	}
}

var changes = map[string]change{
	"logout":      {in(session.Shared, (*session.Session).Abandon), session.Abandoned},
	"late logout": {lateLogout, session.Abandoned},
	"rotation":    {in(session.Exclusive, (*session.Session).Rotate), session.Rotated},
	"password":    {in(session.Exclusive, (*session.Session).Reauthenticated), session.Rotated},
	"another user": {in(session.Exclusive, func(s *session.Session) {
		s.SetPrincipal("bob")
	}), session.UserChanged},
	"signed out": {in(session.Exclusive, func(s *session.Session) {
		s.SetPrincipal("")
		s.Set("k", "v")
	}), session.UserChanged},
	"End": {func(t *testing.T, m *session.Manager, id string) {
		t.Helper()
		rig.WantErr(t, m.End(t.Context(), id), nil)
	}, session.Operator},
	"EndHandle": {func(t *testing.T, m *session.Manager, id string) {
		t.Helper()
		rig.WantErr(t, m.EndHandle(t.Context(), rig.HandleOf(id)), nil)
	}, session.Operator},
	"EndAll": {func(t *testing.T, m *session.Manager, _ string) {
		t.Helper()
		_, err := m.EndAll(t.Context(), "ann")
		rig.WantErr(t, err, nil)
	}, session.Operator},
	"EndOthers": {func(t *testing.T, m *session.Manager, _ string) {
		t.Helper()
		s := rig.Begin(t, m, rig.SignIn(t, m, "ann"), session.ReadOnly)
		_, err := s.EndOthers(t.Context())
		rig.WantErr(t, err, nil)
		rig.Commit(t, s)
	}, session.Operator},
	"MaxPerPrincipal": {func(t *testing.T, m *session.Manager, _ string) {
		t.Helper()
		for range 2 {
			rig.SignIn(t, m, "ann")
		}
	}, session.Replaced},
}

// lateLogout abandons a session after its commit, which the Rollback then does.
func lateLogout(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	s := rig.Begin(t, m, id, session.Shared)
	rig.Commit(t, s)
	s.Abandon()
	s.Rollback(context.Background())
}

// Each change is heard, with its reason, by all watchers in all processes: those of the session, and
// those of the handle. Nobody else hears of it.
func TestReasons(t *testing.T) {
	for _, tracked := range []bool{false, true} {
		name := map[bool]string{false: "untracked", true: "tracked"}[tracked]
		t.Run(name, func(t *testing.T) {
			rig.Each(t, func(t *testing.T, r *rig.Rig) {
				for name, c := range changes {
					t.Run(name, func(t *testing.T) { reason(t, r, tracked, c) })
				}
			})
		})
	}
}

func reason(t *testing.T, r *rig.Rig, tracked bool, c change) {
	t.Helper()
	again := rig.New(t) // an App of its own
	again.Mini, again.Client, again.Dial, again.Reach = r.Mini, r.Client, r.Dial, r.Reach
	o := session.Options{TrackEnd: tracked, MaxPerPrincipal: 2}
	a, b := again.Manager(o), again.Manager(o)
	id, other := rig.SignIn(t, a, "ann"), rig.SignIn(t, a, "carl")
	mine, same, elsewhere := watch(t, a, id), watch(t, a, id), watch(t, b, id)
	byHandle, stop := a.Watch(t.Context(), rig.HandleOf(id))
	defer stop()
	bystander := watch(t, a, other)
	looked(t, a, b)
	start := time.Now()
	c.do(t, b, id)
	wantReason(t, c.want, mine, same, elsewhere, byHandle)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("heard after %v", took)
	}
	wantOpen(t, bystander)
}

// looked waits until each manager has looked at all that it watches, so that those who watch by handle know
// what is true.
func looked(t *testing.T, all ...*session.Manager) {
	t.Helper()
	for _, m := range all {
		for range 2 { // the first may be told in the middle of a look
			nothing, stop := m.Watch(t.Context(), rig.HandleOf(rig.NewID()))
			wantCause(t, session.ErrUnknown, nothing)
			stop()
		}
	}
}

// A sign-in of a visitor is a change of the user.
func TestSignInOfAVisitor(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		watched := watch(t, m, id)
		in(session.Exclusive, func(s *session.Session) { s.SetPrincipal("ann") })(t, m, id)
		wantReason(t, session.UserChanged, watched)
	})
}

// Nothing else ends a watch, however often it is looked at.
func TestOrdinaryRequestsEndNoWatch(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.SignIn(t, m, "ann")
		watched := watch(t, m, id)
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			in(access, func(s *session.Session) {
				s.Set("k", "v")
				s.SetTimeout(time.Hour)
				s.SetPrincipal("ann")
			})(t, m, id)
			time.Sleep(time.Minute)
		}
		wantOpen(t, watched)
	})
}
