package rig

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// Saved makes a session with these keys and values, and returns its ID.
func Saved(t *testing.T, m *session.Manager, pairs ...any) string {
	t.Helper()
	s := Begin(t, m, "", session.Exclusive)
	for i := 0; i < len(pairs); i += 2 {
		s.Set(pairs[i].(string), pairs[i+1])
	}
	if len(pairs) == 0 {
		s.Set("k", "v")
	}
	Commit(t, s)
	return s.ID()
}

// Begin begins a session, which must not fail.
func Begin(t *testing.T, m *session.Manager, id string, access session.Access) *session.Session {
	t.Helper()
	s, err := m.Begin(context.Background(), id, access)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return s
}

// Commit commits a session, which must not fail.
func Commit(t *testing.T, s *session.Session) {
	t.Helper()
	if err := s.Commit(context.Background()); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// Get returns a value that must be there.
func Get[T any](t *testing.T, s *session.Session, key string) T {
	t.Helper()
	v, err := session.Get[T](s, key)
	if err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	return v
}

// View begins a ReadOnly session and ends it with the test.
func View(t *testing.T, m *session.Manager, id string) *session.Session {
	t.Helper()
	s := Begin(t, m, id, session.ReadOnly)
	t.Cleanup(func() { s.Rollback(context.Background()) })
	return s
}

// Increment adds 1 to the value "n" of a session.
func Increment(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	s, err := m.Begin(context.Background(), id, session.Exclusive)
	if err != nil {
		t.Error(err)
		return
	}
	n, err := session.Get[int](s, "n")
	if err != nil {
		t.Error(err)
	}
	s.Set("n", n+1)
	if err := s.Commit(context.Background()); err != nil {
		t.Error(err)
	}
}

// Waiter begins an Exclusive session beside the test, and returns what waits for it. If the
// test fails meanwhile, it ends when the managers are closed and the waiter is told.
func (r *Rig) Waiter(m *session.Manager, id string) (got func() *session.Session) {
	var s *session.Session
	var err error
	done := make(chan struct{})
	r.beside.Go(func() {
		defer close(done)
		s, err = m.Begin(context.Background(), id, session.Exclusive)
	})
	return func() *session.Session {
		r.T.Helper()
		<-done
		if err != nil {
			r.T.Fatalf("Begin: %v", err)
		}
		return s
	}
}

// Go runs f beside the test, also if that fails meanwhile: the test ends when its managers
// are closed and f has returned.
func (r *Rig) Go(f func()) { r.beside.Go(f) }

// NewID returns an ID of the form of those that managers make, of no session.
func NewID() string {
	const half = 26
	return strings.ToLower(rand.Text()[:half] + "." + rand.Text()[:half])
}

// Proof is what Redis has of an ID.
func Proof(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])[:32]
}
