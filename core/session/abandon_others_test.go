package session_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// A logout ends the sessions of the client's other cookies also if somebody else has ended the first one
// meanwhile: its success must be true.
func TestAbandonEndsOtherCookiesWhoeverEndsTheFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for name, end := range map[string]func(m *session.Manager, id string) error{
			"operator": func(m *session.Manager, id string) error { return m.End(context.Background(), id) },
			"logout": func(m *session.Manager, id string) error {
				return m.Do(context.Background(), id, session.Shared, func(s *session.Session) error { s.Abandon(); return nil })
			},
		} {
			m := r.Manager(session.Options{})
			first, second := saved(t, m), saved(t, m)
			request := http.Header{"Cookie": {"session=" + first + "; session=" + second}}
			s, err := m.Adapter().Begin(t.Context(), session.Request{Headers: request}, session.Exclusive)
			if err != nil {
				t.Fatal(err)
			}
			s.Abandon()
			if err := end(m, first); err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			s, err = m.Adapter().Begin(t.Context(), session.Request{Headers: request}, session.ReadOnly)
			if err != nil {
				t.Fatal(err)
			}
			if s.ID() != "" {
				t.Errorf("%s: the logout succeeded, and the client is still in a session", name)
			}
		}
	})
}
