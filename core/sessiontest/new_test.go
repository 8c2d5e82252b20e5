package sessiontest_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func TestEachTestHasItsOwnRedis(t *testing.T) {
	t.Parallel()
	first, second := sessiontest.New(t, session.Options{}), sessiontest.New(t, session.Options{})
	cookie := first.SignIn("ann", nil)
	if _, err := second.Lookup(cookie); err == nil {
		t.Error("a session of one test is in another")
	}
	if n := first.Redis.DBSize(t.Context()).Val(); n == 0 {
		t.Error("Redis is not the Redis of the sessions")
	}
	for key := range strings.FieldsSeq(strings.Join(first.Redis.Keys(t.Context(), "*").Val(), " ")) {
		if !strings.HasPrefix(key, "{sessiontest_") {
			t.Errorf("key %q", key)
		}
	}
}

func TestWrongOptionsFailTheTest(t *testing.T) {
	t.Parallel()
	wantFatal(t, "Timeout is -1s", func(t sessiontest.TB) { sessiontest.New(t, session.Options{Timeout: -time.Second}) })
}

func TestLogIsOfTheTest(t *testing.T) {
	t.Parallel()
	var m *session.Manager
	r := new(recorder)
	r.run(t, func(t sessiontest.TB) {
		s := sessiontest.New(t, session.Options{})
		m = s.Manager
		s.FailRedis()
		_ = m.End(t.Context(), s.SignIn("ann", nil).Value)
	})
	during := r.logged()
	if !strings.Contains(during, "session failure") || !strings.Contains(during, "connection refused") {
		t.Errorf("the test's log has no failure: %q", during)
	}
	if _, err := m.EndAll(t.Context(), "ann"); err == nil {
		t.Error("the manager is not closed")
	}
	_, _ = m.SessionsOf(t.Context(), "ann")
	for _, err := range m.EndsAside(t.Context()) { // it fails, and logs that
		if err == nil {
			t.Error("the client is not closed")
		}
	}
	if after := r.logged(); after != during {
		t.Errorf("after the test's end, its log got %q", after[len(during):])
	}
}

func TestOwnLogger(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	r.run(t, func(t sessiontest.TB) {
		s := sessiontest.New(t, session.Options{Logger: slog.New(slog.DiscardHandler)})
		s.FailRedis()
		_ = s.Manager.End(t.Context(), s.SignIn("ann", nil).Value)
	})
	if r.logged() != "" {
		t.Errorf("the test's log got %q", r.logged())
	}
}

func TestInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sessiontest.New(t, session.Options{TrackEnd: true})
		client := s.Client(shop(s.Manager), s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}}))
		get(t, client, "/cart", 200, "ann: tea")
		time.Sleep(19 * time.Minute)
		s.Session(client.Cookie())
		get(t, client, "/cart", 200, "ann: tea")
		time.Sleep(19 * time.Minute)
		s.Session(client.Cookie()) // which does not start the idle time anew
		time.Sleep(2 * time.Minute)
		get(t, client, "/cart", 200, ": ")
		var ended session.Ended
		n, err := s.HandleEnds(collect(&ended))
		if n != 1 || err != nil || ended.Principal != "ann" || ended.Reason != session.Expired {
			t.Errorf("%d ends, %v, %v", n, ended, err)
		}
		if late := time.Since(ended.EndedAt); late < time.Minute-time.Second || late > time.Minute+time.Second {
			t.Errorf("it ended %v ago, want a minute", late)
		}
	})
}

// In a bubble, a lock's time-out takes no time.
func TestWaitInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sessiontest.New(t, session.Options{})
		cookie := s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}})
		client := s.Client(shop(s.Manager), cookie)
		release := s.HoldElsewhere(cookie)
		began := time.Now()
		get(t, client, "/cart", 503, "Service Unavailable\n")
		if took := time.Since(began); took < 30*time.Second {
			t.Errorf("it waited for %v", took)
		}
		go func() {
			time.Sleep(5 * time.Minute) // longer than LockHold
			release()
		}()
		time.Sleep(5*time.Minute - 10*time.Second)
		get(t, client, "/cart", 200, "ann: tea")
	})
}
