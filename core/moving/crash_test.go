package moving_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// crashing is an old library in front of which Redis and the process are gone when the old session should end.
type crashing struct {
	shelf
	crash func() error
}

func (c *crashing) End(r *http.Request) error {
	if c.crash != nil {
		return c.crash()
	}
	return c.shelf.End(r)
}

// If the process dies before it has ended the old session, a later request ends that one. So the old cookie
// means nothing after a logout.
func TestCrashBeforeTheOldSessionEnds(t *testing.T) {
	t.Parallel()
	old := new(crashing)
	s := moves(t, old, func(w http.ResponseWriter, r *http.Request) {
		is := httpsession.From(r)
		_, _ = w.Write([]byte(session.GetOr(is, "user", "nobody")))
	})
	var restore func()
	old.crash = func() error {
		restore = s.FailRedis() // nothing that this request does from here on has an effect
		return errors.New("the process has died")
	}
	_ = s.ask(t.Context(), "old=ann")
	restore()
	old.crash = nil
	w := s.ask(t.Context(), "old=ann")
	s.wants("the next request", w, "ann", 2)
	for _, line := range w.Header()["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err == nil && c.Name == s.Manager.Adapter().CookieName() {
			if err := s.Manager.End(t.Context(), c.Value); err != nil { // the user logs out
				t.Fatal(err)
			}
		}
	}
	// A minute later Redis has forgotten the move.
	keys, err := s.Redis.Keys(t.Context(), "*Moved*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("the keys are %v (%v)", keys, err)
	}
	if err := s.Redis.Del(t.Context(), keys...).Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.ask(t.Context(), "old=ann").Body.String(); strings.Contains(got, "ann") {
		t.Errorf("after the logout, the old cookie gives a session of %q", got)
	}
}

// A request that moves a session for longer than others wait for it makes no second session.
func TestSlowMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowShelf{shelf: new(shelf), slow: make(chan struct{}, 1)}
		slow.slow <- struct{}{}
		s := moves(t, slow, func(http.ResponseWriter, *http.Request) {})
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { s.ask(t.Context(), "old=ann") })
			synctest.Wait()
		}
		all.Wait()
		n := 0
		for _, err := range s.Manager.Sessions(t.Context()) {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
		if n != 1 {
			t.Errorf("there are %d sessions of one old session", n)
		}
	})
}

// slowShelf is slow after it has loaded a session for the first time.
type slowShelf struct {
	*shelf
	slow chan struct{}
}

func (s *slowShelf) Load(r *http.Request, into *session.Session) (bool, error) {
	found, err := s.shelf.Load(r, into)
	select {
	case <-s.slow:
		time.Sleep(12 * time.Second)
	default:
	}
	return found, err
}
