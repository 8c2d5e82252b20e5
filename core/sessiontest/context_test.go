package sessiontest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func add(ctx context.Context, item string) {
	s := session.FromContext(ctx)
	cart.Set(s, append(cart.GetOr(s, nil), item))
}

func TestContext(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	before := s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}})
	ctx, commit := s.Context(before)
	add(ctx, "jam")
	if got := cart.GetOr(s.Session(before), nil); len(got) != 1 {
		t.Errorf("before the commit, the cart is %q", got)
	}
	if after := commit(); after != before {
		t.Errorf("the cookie changed: %v", after)
	}
	if got := cart.GetOr(s.Session(before), nil); len(got) != 2 || got[1] != "jam" {
		t.Errorf("the cart is %q", got)
	}
}

func TestContextChangesTheCookie(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	_, nothing := s.Context(nil)
	if first := nothing(); first != nil {
		t.Errorf("a session with nothing in it has the cookie %v", first)
	}
	ctx, commit := s.Context(nil)
	add(ctx, "tea")
	visitor := commit()
	if !visitor.Secure || s.Session(visitor).Principal() != "" {
		t.Errorf("the visitor's cookie is %v", visitor)
	}
	ctx, commit = s.Context(visitor)
	session.FromContext(ctx).SetPrincipal("ann")
	ann := commit()
	if ann.Value == visitor.Value || s.Session(ann).Principal() != "ann" {
		t.Error("after the sign-in, the cookie is the old one, or it is nobody's")
	}
	ctx, commit = s.Context(ann)
	session.FromContext(ctx).Abandon()
	if last := commit(); last != nil {
		t.Errorf("after Abandon the cookie is %v", last)
	}
}

func TestContextHoldsTheSession(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{LockWait: -1})
	cookie := s.SignIn("ann", nil)
	ctx, commit := s.Context(cookie)
	if err := s.Manager.Do(t.Context(), cookie.Value, session.Exclusive, func(*session.Session) error { return nil }); !errors.Is(err, session.ErrLockTimeout) {
		t.Errorf("another request: %v", err)
	}
	if s.Manager.Adapter().SessionOf(ctx) == nil {
		t.Error("a middleware would begin the session again")
	}
	commit()
	get(t, s.Client(shop(s.Manager), cookie), "/cart", 200, "ann: ")
}

// A test that forgets to commit, or fails before, ends all the same and at once.
func TestContextWithoutCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		new(recorder).run(t, func(t sessiontest.TB) {
			s := sessiontest.New(t, session.Options{})
			s.Context(s.SignIn("ann", nil))
			s.HoldElsewhere(s.SignIn("bob", nil))
		})
		if took := time.Since(began); took > time.Second {
			t.Errorf("its end took %v", took)
		}
	})
	wantFatal(t, "cannot be encoded", func(t sessiontest.TB) {
		s := sessiontest.New(t, session.Options{})
		ctx, commit := s.Context(s.SignIn("bob", nil))
		session.FromContext(ctx).Set("f", func() {})
		commit()
	})
	wantFatal(t, "held by another request", func(t sessiontest.TB) {
		s := sessiontest.New(t, session.Options{LockWait: -1})
		cookie := s.SignIn("ann", nil)
		s.HoldElsewhere(cookie)
		s.Context(cookie)
	})
}

func TestHoldElsewhere(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{LockWait: -1})
	cookie, other := s.SignIn("ann", nil), s.SignIn("bob", nil)
	client := s.Client(shop(s.Manager), cookie)
	release := s.HoldElsewhere(cookie)
	get(t, client, "/cart", http.StatusServiceUnavailable, "Service Unavailable\n")
	get(t, s.Client(shop(s.Manager), other), "/cart", 200, "bob: ")
	release()
	release()
	get(t, client, "/cart", 200, "ann: ")
	wantFatal(t, "there is no session", func(t sessiontest.TB) {
		sessiontest.New(t, session.Options{}).HoldElsewhere(cookie)
	})
	began := time.Now()
	wantFatal(t, "held by another request", func(t sessiontest.TB) { // at once
		s := sessiontest.New(t, session.Options{})
		cookie := s.SignIn("ann", nil)
		s.HoldElsewhere(cookie)
		s.HoldElsewhere(cookie)
	})
	if took := time.Since(began); took > 20*time.Second { // LockWait is 30
		t.Errorf("it waited for %v", took)
	}
}

func TestWaitForHoldElsewhere(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	cookie := s.SignIn("ann", nil)
	release := s.HoldElsewhere(cookie)
	answered := make(chan error, 1)
	go func() {
		answered <- s.Manager.Do(context.Background(), cookie.Value, session.Exclusive, func(*session.Session) error { return nil })
	}()
	waiting := time.Now().Add(20 * time.Second)
	for s.Redis.Exists(t.Context(), "{sessiontest_"+s.Session(cookie).Handle()+"}_Waiters").Val() == 0 && time.Now().Before(waiting) {
		if len(answered) > 0 {
			t.Fatal("it did not wait")
		}
	}
	release()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestFailRedis(t *testing.T) {
	t.Parallel()
	var failures []error
	s := sessiontest.New(t, session.Options{Hooks: session.Hooks{
		OnError: func(_ context.Context, err error) { failures = append(failures, err) },
	}})
	client := s.Client(shop(s.Manager), s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}}))
	get(t, client, "/cart", 200, "ann: tea") // there is a connection
	restore := s.FailRedis()
	get(t, client, "/cart", http.StatusServiceUnavailable, "Service Unavailable\n")
	var failed *session.OpError
	if len(failures) != 1 || !errors.As(failures[0], &failed) {
		t.Errorf("the failures are %v", failures)
	}
	if err := s.Redis.Ping(t.Context()).Err(); err == nil {
		t.Error("the client of the application still works")
	}
	if _, err := s.Redis.TxPipeline().Exec(t.Context()); err != nil {
		t.Error("an empty pipeline is no call:", err)
	}
	pipeline := s.Redis.Pipeline()
	pipeline.Ping(t.Context())
	if _, err := pipeline.Exec(t.Context()); err == nil {
		t.Error("pipelines still work")
	}
	messages := s.Redis.Subscribe(t.Context(), "news")
	defer messages.Close()
	if _, err := messages.Receive(t.Context()); err == nil {
		t.Error("a new connection can be made")
	}
	if got := cart.GetOr(s.Session(client.Cookie()), nil); len(got) != 1 {
		t.Errorf("meanwhile the test sees %q", got)
	}
	again := s.FailRedis()
	restore()
	restore()
	get(t, client, "/cart", http.StatusServiceUnavailable, "Service Unavailable\n")
	again()
	get(t, client, "/cart", 200, "ann: tea")
}
