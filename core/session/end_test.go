package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Ending the request's own session, known by its context, is to abandon it.
func TestEndingOnesOwn(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		for name, end := range map[string]func(ctx context.Context, s *session.Session) error{
			"End":       func(ctx context.Context, s *session.Session) error { return m.End(ctx, s.ID()) },
			"EndHandle": func(ctx context.Context, s *session.Session) error { return m.EndHandle(ctx, s.Handle()) },
			"Info.End": func(ctx context.Context, s *session.Session) error {
				infos, err := m.SessionsOf(ctx, "ann")
				if err != nil {
					return err
				}
				return infos[1].End(ctx)
			},
			"EndAll": func(ctx context.Context, _ *session.Session) error {
				n, err := m.EndAll(ctx, "ann")
				if n != 2 {
					t.Errorf("ended %d, want 2", n)
				}
				return err
			},
		} {
			other, own := signIn(t, m, "ann"), signIn(t, m, "ann")
			s := begin(t, m, own, session.Exclusive)
			ctx := session.NewContext(context.Background(), s)
			if err := end(ctx, s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			s.Set("flash", "done")
			if err := s.Finish(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			v := view(t, m, s.ID())
			if lives(t, m, own) || s.Handle() == handleOf(own) || v.Len() != 1 || v.Principal() != "" || headersOf(s).Get("Set-Cookie") == "" {
				t.Errorf("%s: it is not as after Abandon", name)
			}
			if lives(t, m, other) == (name == "EndAll") {
				t.Errorf("%s: the other session lives: %t", name, lives(t, m, other))
			}
			if n, err := m.EndAll(context.Background(), "ann"); err != nil || n != len(handles(t, m, "ann"))+map[bool]int{true: 0, false: 1}[name == "EndAll"] {
				t.Errorf("%s: %d more (%v)", name, n, err)
			}

			// A request that only reads changes nothing, so it is ended like any other.
			own = signIn(t, m, "ann")
			signIn(t, m, "ann")
			reader := begin(t, m, own, session.ReadOnly)
			if name != "Info.End" {
				if err := end(session.NewContext(context.Background(), reader), reader); err != nil || lives(t, m, own) {
					t.Errorf("%s, ReadOnly: %v", name, err)
				}
			}
			_, _ = m.EndAll(context.Background(), "ann")
		}
	})
}

// Whoever was ended by an operator or a newer sign-in comes again at once, and may learn why,
// for as long as the session would have lived; but only with the last ID.
func TestPreviousEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{MaxPerPrincipal: 1, Timeout: time.Hour})
		for name, c := range map[string]struct {
			end     func(id string)
			want    session.Reason
			known   time.Duration
			timeout time.Duration
		}{
			"operator":       {func(id string) { _ = m.End(ctx, id) }, session.Operator, time.Hour, 0},
			"EndAll":         {func(string) { _, _ = m.EndAll(ctx, "ann") }, session.Operator, time.Hour, 0},
			"newer sign-in":  {func(string) { signIn(t, m, "ann") }, session.Replaced, time.Hour, 0},
			"short timeout":  {func(id string) { _ = m.End(ctx, id) }, session.Operator, time.Minute, time.Second},
			"longer than 24": {func(id string) { _ = m.End(ctx, id) }, session.Operator, 24 * time.Hour, 48 * time.Hour},
		} {
			old := signIn(t, m, "ann")
			s := begin(t, m, old, session.Exclusive)
			if c.timeout != 0 {
				s.SetTimeout(c.timeout)
			}
			s.Rotate()
			commit(t, s)
			c.end(s.ID())
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				again := begin(t, m, s.ID(), access)
				if !again.IsNew() || again.Detached() || again.PreviousEnd() != c.want {
					t.Errorf("%s, %v: new %t, %q", name, access, again.IsNew(), again.PreviousEnd())
				}
				again.Rollback(ctx)
			}
			for _, id := range []string{old, handleOf(old) + session.NewID()[26:]} {
				if why := begin(t, m, id, session.ReadOnly).PreviousEnd(); why != "" {
					t.Errorf("%s: another ID tells %q", name, why)
				}
			}
			again := begin(t, m, s.ID(), session.Exclusive)
			again.Set("flash", "welcome back")
			if err := again.Finish(ctx); err != nil || headersOf(again).Get("Set-Cookie") == "" || again.Handle() == s.Handle() {
				t.Errorf("%s: no new session (%v)", name, err)
			}
			time.Sleep(c.known - time.Second)
			if why := begin(t, m, s.ID(), session.ReadOnly).PreviousEnd(); why != c.want {
				t.Errorf("%s: before its time it is %q", name, why)
			}
			time.Sleep(2 * time.Second)
			if why := begin(t, m, s.ID(), session.ReadOnly).PreviousEnd(); why != "" {
				t.Errorf("%s: after its time it is %q", name, why)
			}
		}
	})
}

// Whoever abandons a session and then ends all of its user's, as "log me out everywhere" may do, is
// rid of the cookie too.
func TestAbandonThenEndAll(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		other, own := signIn(t, m, "ann"), signIn(t, m, "ann")
		s := begin(t, m, own, session.Exclusive)
		ctx := session.NewContext(context.Background(), s)
		s.Abandon()
		if n, err := m.EndAll(ctx, "ann"); n != 2 || err != nil {
			t.Errorf("ended %d (%v), want 2", n, err)
		}
		commit(t, s)
		if lives(t, m, own) || lives(t, m, other) || !strings.Contains(headersOf(s).Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("the response has %v", headersOf(s))
		}
	})
}
