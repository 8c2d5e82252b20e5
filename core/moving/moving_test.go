package moving_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// conformance/stores has the tests with other libraries. Here is the rest.

// shelf is an old library with one session, whose cookie is old=ann.
type shelf struct {
	gone    atomic.Bool
	endErr  error
	loading func() // called by Load
}

func (*shelf) Cookie() http.Cookie { return http.Cookie{Name: "old", Path: "/"} }

func (s *shelf) Load(_ *http.Request, into *session.Session) (bool, error) {
	if s.loading != nil {
		s.loading()
	}
	if s.gone.Load() {
		return false, nil
	}
	into.Set("user", "ann")
	return true, nil
}

func (s *shelf) End(r *http.Request) error {
	if err := errors.Join(s.endErr, r.Context().Err()); err != nil {
		return err
	}
	s.gone.Store(true)
	return nil
}

// site is an application that moves from an old library.
type site struct {
	*testing.T
	*sessiontest.Sessions
	old     *shelf
	handler http.Handler
	change  func(r *http.Request)
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, Sessions: sessiontest.New(t, session.Options{}), old: new(shelf)}
	move, err := moving.Middleware(s.Manager, s.old)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = move(httpsession.Middleware(s.Manager)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.change != nil {
			s.change(r)
		}
		w.Header().Set("Cache-Control", "public")
		_, _ = w.Write([]byte(session.GetOr(httpsession.From(r), "user", "nobody")))
	})))
	return s
}

// ask sends a request with cookies.
func (s *site) ask(ctx context.Context, cookies string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	r.Header.Set("Cookie", cookies)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// wants checks the body of a response, and how many cookies it sets.
func (s *site) wants(what string, w *httptest.ResponseRecorder, body string, cookies int) {
	s.Helper()
	if w.Body.String() != body || len(w.Header()["Set-Cookie"]) != cookies {
		s.Errorf("%s: %d %q with the cookies %v", what, w.Code, w.Body, w.Header()["Set-Cookie"])
	}
}

// A cookie of another name is deleted when the new one is set. Other cookies stay. No cache keeps the response.
func TestMoved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.change = func(r *http.Request) {
		if c := r.Header.Get("Cookie"); !strings.HasPrefix(c, "theme=dark; session=") {
			t.Errorf("the handler sees %d bytes of cookies", len(c))
		}
	}
	w := s.ask(t.Context(), "theme=dark; old=ann")
	s.wants("the first request", w, "ann", 2)
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Vary") != "Cookie" {
		t.Errorf("the headers are %v", w.Header())
	}
	s.change = nil
	s.FailRedis()
	s.wants("without any cookie", s.ask(t.Context(), "theme=dark"), "nobody", 0)
}

// A cookie that the old library does not know is deleted.
func TestUnknown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.old.gone.Store(true)
	w := s.ask(t.Context(), "old=ann")
	s.wants("an unknown cookie", w, "nobody", 1)
	if set := w.Header().Get("Set-Cookie"); !strings.HasPrefix(set, "old=;") || !strings.Contains(set, "Max-Age=0") {
		t.Errorf("it sets %s", set)
	}
	if keys := s.Redis.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("Redis has %v", keys)
	}
}

// If the old session cannot be ended, nothing was moved.
func TestEndFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.old.endErr = errors.New("down")
	w := s.ask(t.Context(), "old=ann")
	if w.Code != http.StatusServiceUnavailable || len(w.Header()["Set-Cookie"]) != 0 || s.Manager.Stats().Ended != 1 {
		t.Errorf("the answer is %d with %v", w.Code, w.Header())
	}
	s.old.endErr = nil
	s.wants("later", s.ask(t.Context(), "old=ann"), "ann", 2)
}

// A request that comes late with the old cookie does not get a cookie that was replaced.
func TestNoCookieOfARotatedID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.change = func(r *http.Request) { httpsession.From(r).Rotate() }
	s.ask(t.Context(), "old=ann")
	s.change = nil
	s.wants("after a rotation", s.ask(t.Context(), "old=ann"), "nobody", 0)
}

// A client that hangs up does not stop the move halfway. It finds the new session when it comes again.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.old.loading = cancel
	s.ask(ctx, "old=ann")
	if !s.old.gone.Load() {
		t.Fatal("the old session has not ended")
	}
	s.wants("the next request", s.ask(t.Context(), "old=ann"), "ann", 2)
}

// Who waits for another request's move goes on when it is done, when it has failed, when it has died, and
// when the client goes away.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stuck time.Duration // how long the first request takes
		panic bool
		want  string
		after time.Duration // at most
	}{
		"done":   {stuck: time.Second, want: "ann", after: 2 * time.Second},
		"failed": {stuck: time.Second, panic: true, want: "ann", after: 2 * time.Second},
		"died":   {stuck: time.Hour, want: "ann", after: 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				var begun atomic.Bool
				s.old.loading = func() {
					if !begun.Swap(true) {
						time.Sleep(c.stuck)
						if c.panic {
							panic("the old library")
						}
					}
				}
				go func() {
					defer func() { _ = recover() }()
					s.ask(t.Context(), "old=ann")
				}()
				synctest.Wait()
				gone, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				if w := s.ask(gone, "old=ann"); w.Code != http.StatusServiceUnavailable {
					t.Errorf("a client that goes away gets %d", w.Code)
				}
				start := time.Now()
				if w := s.ask(t.Context(), "old=ann"); w.Body.String() != c.want || time.Since(start) > c.after {
					t.Errorf("after %v: %d %q", time.Since(start), w.Code, w.Body)
				}
				time.Sleep(2 * time.Hour) // until the first has ended, too
			})
		})
	}
}

func TestMiddlewareRefuses(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, session.Options{Header: "X-Session"}).Manager
	if _, err := moving.Middleware(m, new(shelf)); err == nil {
		t.Error("it takes a Manager with a header")
	}
}
