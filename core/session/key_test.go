package session_test

import (
	"errors"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// A typed key does to one value what the methods of the session do.
func TestKey(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		const city, zip session.Key[string] = "city", "zip"
		err := m.Do(t.Context(), "", session.Exclusive, func(s *session.Session) error {
			if city.Has(s) {
				t.Error("a new session has a value")
			}
			city.Set(s, "Lima")
			zip.Set(s, "15001")
			if got, err := city.Get(s); got != "Lima" || err != nil || !city.Has(s) || !s.Has("city") {
				t.Errorf("after Set: %q, %v, Has: %t", got, err, city.Has(s))
			}
			city.Delete(s)
			if _, err := city.Get(s); !errors.Is(err, session.ErrNoValue) || city.Has(s) || !zip.Has(s) {
				t.Errorf("after Delete: %v, Has: %t, the other: %t", err, city.Has(s), zip.Has(s))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
