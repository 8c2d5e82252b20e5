package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestRequirePrincipal(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Hour})
		id := signIn(t, m, "ann")
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := begin(t, m, id, access)
			wantErr(t, s.RequirePrincipal(0), nil)
			wantErr(t, s.RequirePrincipal(time.Minute), nil)
			s.Rollback(t.Context())
		}
		time.Sleep(time.Minute)
		wantErr(t, view(t, m, id).RequirePrincipal(time.Minute), nil)
		time.Sleep(time.Millisecond)
		wantErr(t, view(t, m, id).RequirePrincipal(time.Minute), session.ErrSignInTooOld)
		wantErr(t, view(t, m, id).RequirePrincipal(0), nil)

		s := begin(t, m, id, session.Exclusive)
		s.Reauthenticated()
		wantErr(t, s.RequirePrincipal(time.Minute), nil)
		s.SetPrincipal("")
		wantErr(t, s.RequirePrincipal(0), session.ErrNoPrincipal)
		s.SetPrincipal("bob")
		wantErr(t, s.RequirePrincipal(time.Minute), nil)
		s.Rollback(t.Context())

		wantErr(t, view(t, m, saved(t, m, "n", 1)).RequirePrincipal(0), session.ErrNoPrincipal)
		wantErr(t, begin(t, m, "", session.Exclusive).RequirePrincipal(time.Minute), session.ErrNoPrincipal)
	})
}

// Where the session is detached, nobody is sent to a login page unless it is sure that nobody is
// signed in.
func TestRequirePrincipalOfADetachedSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{FailSilently: true})
		id := signIn(t, m, "ann")
		f.Then(refuse)
		err := begin(t, m, id, session.Exclusive).RequirePrincipal(0)
		failed := (*session.OpError)(nil)
		if !errors.As(err, &failed) || failed.Op != "begin" {
			t.Errorf("in an outage it is %v", err)
		}
		f.Clear()

		now := rotate(t, m, id)
		wantErr(t, view(t, m, id).RequirePrincipal(0), session.ErrEnded)
		slow := begin(t, m, id, session.Exclusive)
		slow.SetPrincipal("ann") // which makes a new session of it
		wantErr(t, slow.RequirePrincipal(0), nil)
		slow.Rollback(t.Context())

		s := begin(t, m, now, session.Exclusive)
		s.Abandon()
		commit(t, s)
		wantErr(t, view(t, m, now).RequirePrincipal(0), session.ErrNoPrincipal)

		err = begin(t, m, now, session.None).RequirePrincipal(0)
		if status, _ := session.HTTPStatus(err); status != http.StatusInternalServerError || !strings.Contains(err.Error(), "with None access") {
			t.Errorf("with None it is %v, status %d", err, status)
		}
		err = view(t, m, now).RequirePrincipal(-time.Second)
		if status, _ := session.HTTPStatus(err); status != http.StatusInternalServerError || !strings.Contains(err.Error(), "RequirePrincipal(-1s)") {
			t.Errorf("with less than nothing it is %v, status %d", err, status)
		}
	})
}

func TestHTTPStatusOfUsers(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{session.ErrNoPrincipal: http.StatusUnauthorized, session.ErrSignInTooOld: http.StatusForbidden} {
		if status, retry := session.HTTPStatus(err); status != want || retry != 0 {
			t.Errorf("%v is %d, Retry-After %d", err, status, retry)
		}
	}
}

// One error says that there is no principal, whoever asks.
func TestErrNoPrincipal(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		ctx := context.Background()
		_, err := view(t, m, saved(t, m, "n", 1)).EndOthers(ctx)
		wantErr(t, err, session.ErrNoPrincipal)
		_, err = m.SessionsOf(ctx, "")
		wantErr(t, err, session.ErrNoPrincipal)
		_, err = m.EndAll(ctx, "")
		wantErr(t, err, session.ErrNoPrincipal)
	})
}

// A session that is refused is committed, and holds nothing.
func TestAdmit(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		need := session.PrincipalWithin(0)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		ctx := session.NewContext(t.Context(), s)
		wantErr(t, m.Adapter().Admit(ctx, session.Requirement{}), nil)
		s.Set("n", 2)
		wantErr(t, m.Adapter().Admit(ctx, need), session.ErrNoPrincipal)
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("it is locked still")
		}
		if got := get[int](t, view(t, m, id), "n"); got != 2 {
			t.Errorf("what was set before is %d", got)
		}
		s.Set("n", 3)
		wantErr(t, s.Err(), session.ErrSealed)

		s = begin(t, m, id, session.Exclusive)
		s.Set("n", func() {})
		err := m.Adapter().Admit(session.NewContext(t.Context(), s), need)
		if wrong := (*session.ValueError)(nil); !errors.As(err, &wrong) {
			t.Errorf("a refusal that cannot be saved is %v", err)
		}
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("it is locked after a commit that failed")
		}
		if err := m.Adapter().Admit(t.Context(), need); err == nil || !strings.Contains(err.Error(), "install the middleware") {
			t.Errorf("without a session it is %v", err)
		}
	})
}

// What one middleware has demanded stays demanded when another one begins the session anew.
func TestAdmitAndChangeAccess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Hour})
		id := signIn(t, m, "ann")
		admitted := func(within ...time.Duration) (*session.Session, context.Context) {
			t.Helper()
			s := begin(t, m, id, session.ReadOnly)
			ctx := session.NewContext(t.Context(), s)
			for _, d := range within {
				wantErr(t, m.Adapter().Admit(ctx, session.PrincipalWithin(d)), nil)
			}
			return s, ctx
		}
		s, ctx := admitted(0)
		wantErr(t, m.Adapter().ChangeAccess(ctx, session.Exclusive), nil)
		if s.Access() != session.Exclusive || s.Principal() != "ann" {
			t.Errorf("after the change it is %v, of %q", s.Access(), s.Principal())
		}
		commit(t, s)

		_, ctx = admitted(time.Hour, time.Minute, 0, 2*time.Minute) // the strictest counts
		time.Sleep(61 * time.Second)
		wantErr(t, m.Adapter().ChangeAccess(ctx, session.Exclusive), session.ErrSignInTooOld)
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("it is locked still")
		}
		_, ctx = admitted(0)
		if err := m.Adapter().ChangeAccess(ctx, session.None); err == nil || !strings.Contains(err.Error(), "with None access") {
			t.Errorf("a change to None is %v", err)
		}
		_, ctx = admitted(0)
		wantErr(t, m.End(context.Background(), id), nil)
		wantErr(t, m.Adapter().ChangeAccess(ctx, session.Shared), session.ErrNoPrincipal)
	})
}

// Only None is a mistake in the program. The other refusals are no failures.
func TestAdmitReports(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) { told = append(told, err) }}})
		id := saved(t, m, "n", 1)
		for access, want := range map[session.Access]int{session.Exclusive: 0, session.None: 1} {
			told = nil
			s := begin(t, m, id, access)
			if m.Adapter().Admit(session.NewContext(t.Context(), s), session.PrincipalWithin(0)) == nil {
				t.Errorf("%v: it was let in", access)
			}
			if len(told) != want {
				t.Errorf("%v: OnError was told %v", access, told)
			}
		}
	})
}

func TestPrincipalWithinPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if message, _ := recover().(string); !strings.Contains(message, "RequirePrincipal(-1m0s): it must be 0") {
			t.Errorf("the panic says %q", message)
		}
	}()
	session.PrincipalWithin(-time.Minute)
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	m := newRig(t).Manager(session.Options{})
	h := http.Header{"Cache-Control": {"public"}, "Cdn-Cache-Control": {"max-age=60"}, "Expires": {"later"}, "Vary": {"Accept"}}
	m.Adapter().Refuse(h)
	if got := h.Values("Vary"); len(got) != 2 || got[1] != "Cookie" || h.Get("Cache-Control") != "no-store" || len(h) != 2 {
		t.Errorf("the headers are %v", h)
	}
}
