package sessiontest_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// collect keeps the last end.
func collect(into *session.Ended) func(context.Context, session.Ended) error {
	return func(_ context.Context, e session.Ended) error {
		*into = e
		return nil
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	for _, track := range []bool{false, true} {
		s := sessiontest.New(t, session.Options{TrackEnd: track})
		ann, bob := s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}}), s.SignIn("bob", nil)
		ctx, commit := s.Context(ann)
		session.FromContext(ctx).SetCompanion("for others")
		session.FromContext(ctx).SetTimeout(30 * 24 * time.Hour)
		commit()
		handle := s.Session(ann).Handle()
		s.Expire(ann)
		if _, err := s.Lookup(ann); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("TrackEnd %t: after Expire: %v", track, err)
		}
		if n := s.Redis.Exists(t.Context(), handle).Val(); n != 0 {
			t.Error("the companion has not expired")
		}
		get(t, s.Client(shop(s.Manager), ann), "/cart", 200, ": ")
		get(t, s.Client(shop(s.Manager), bob), "/cart", 200, "bob: ")
	}
}

func TestExpireWhileHeld(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	cookie := s.SignIn("ann", nil)
	ctx, _ := s.Context(cookie)
	s.Expire(cookie)
	is := session.FromContext(ctx)
	cart.Set(is, []string{"tea"})
	if err := is.Commit(ctx); !errors.Is(err, session.ErrEnded) {
		t.Errorf("the commit of an expired session: %v", err)
	}
}

func TestHandleEnds(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{TrackEnd: true, EndHandlers: 16})
	var got []string
	note := func(_ context.Context, e session.Ended) error {
		got = append(got, e.Principal+" "+string(e.Reason)+" "+strings.Join(cart.GetOr(e.Session, nil), ","))
		return nil
	}
	if n, err := s.HandleEnds(note); n != 0 || err != nil {
		t.Errorf("without sessions: %d, %v", n, err)
	}
	s.SignIn("live", nil)
	s.Expire(s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}}))
	post(t, s.Client(shop(s.Manager), s.SignIn("bob", nil)), "/logout", nil, 200, "")
	if err := s.Manager.End(t.Context(), s.SignIn("cyd", nil).Value); err != nil {
		t.Fatal(err)
	}
	if n, err := s.HandleEnds(note); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	slices.Sort(got)
	if want := []string{"ann expired tea", "bob abandoned ", "cyd operator "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n, err := s.HandleEnds(note); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
}

func TestHandleEndsAgain(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{TrackEnd: true, EndAttempts: 4})
	s.Expire(s.SignIn("ann", nil))
	down := errors.New("the archive is down")
	var attempts []int
	for _, c := range []struct {
		fail func() error
		want error
	}{
		{func() error { return down }, down},
		{func() error { panic("oh") }, nil},
		{func() error { runtime.Goexit(); return nil }, nil},
		{func() error { return down }, down},
	} {
		n, err := s.HandleEnds(func(_ context.Context, e session.Ended) error {
			attempts = append(attempts, e.Attempt)
			return c.fail()
		})
		if n != 1 || err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%d, %v", n, err)
		}
	}
	if !slices.Equal(attempts, []int{1, 2, 3, 4}) {
		t.Errorf("the attempts are %v", attempts)
	}
	if n, err := s.HandleEnds(func(context.Context, session.Ended) error { return nil }); n != 0 || err != nil {
		t.Errorf("after EndAttempts: %d, %v", n, err)
	}
	for e, err := range s.Manager.EndsAside(t.Context()) {
		if err != nil || e.Principal != "ann" {
			t.Errorf("aside: %v, %v", e, err)
		}
	}
}

func TestHandleEndsWithoutData(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sessiontest.New(t, session.Options{TrackEnd: true})
		s.SignIn("ann", nil)
		time.Sleep(time.Hour)
		var ended session.Ended
		if n, err := s.HandleEnds(collect(&ended)); n != 1 || err != nil || !ended.NoData {
			t.Errorf("%d, %v, %+v", n, err, ended)
		}
	})
}

func TestHandleEndsNeedsTrackEnd(t *testing.T) {
	t.Parallel()
	wantFatal(t, "TrackEnd", func(t sessiontest.TB) {
		_, _ = sessiontest.New(t, session.Options{}).HandleEnds(nil)
	})
}

// A session enters the index of ends just before it is saved.
func TestHandleEndsLeavesWhatIsAboutToBeSaved(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{TrackEnd: true})
	saved := redis.Z{Score: float64(time.Now().Add(time.Minute).UnixMilli()), Member: strings.Repeat("a", 26)}
	if err := s.Redis.ZAdd(t.Context(), "{sessiontest_Ends_00}", saved).Err(); err != nil {
		t.Fatal(err)
	}
	var ended session.Ended
	if n, err := s.HandleEnds(collect(&ended)); n != 0 || err != nil {
		t.Errorf("%d, %v, %v", n, err, ended)
	}
}

// An application may handle ends by itself, beside the test.
func TestOwnHandleEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sessiontest.New(t, session.Options{TrackEnd: true})
		got, release := make(chan string, 1), make(chan struct{})
		go func() {
			_ = s.Manager.HandleEnd(t.Context(), func(_ context.Context, e session.Ended) error {
				got <- e.Principal
				<-release
				return nil
			})
		}()
		cookie := s.SignIn("ann", nil)
		began := time.Now()
		s.Expire(cookie)
		if principal, took := <-got, time.Since(began); principal != "ann" || took > 10*time.Second {
			t.Errorf("it got the end of %q after %v", principal, took)
		}
		go func() {
			time.Sleep(time.Second)
			close(release)
		}()
		if n, err := s.HandleEnds(collect(new(session.Ended))); n != 0 || err != nil {
			t.Errorf("the end was handed out twice: %d, %v", n, err)
		}
	})
}

func TestHandleEndsGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wantFatal(t, "1 ends were not handed out", func(t sessiontest.TB) {
			s := sessiontest.New(t, session.Options{TrackEnd: true})
			got, release := make(chan struct{}), make(chan struct{})
			t.Cleanup(func() { close(release) })
			go func() {
				_ = s.Manager.HandleEnd(context.Background(), func(context.Context, session.Ended) error {
					close(got)
					<-release
					return nil
				})
			}()
			s.Expire(s.SignIn("ann", nil))
			<-got
			_, _ = s.HandleEnds(collect(new(session.Ended)))
		})
	})
}
