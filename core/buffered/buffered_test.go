package buffered_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/berthgo/berth/core/buffered"
	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestMain(m *testing.M) { rig.Main(m) }

// handled is an exchange whose handler is a function. It notes what it is asked.
type handled struct {
	handler func(s *session.Session) error
	sent    bool

	s      *session.Session
	header http.Header
	calls  []string
}

func (h *handled) Enter(ctx context.Context, s *session.Session) {
	h.calls = append(h.calls, "enter")
	h.s = session.FromContext(ctx)
}

func (h *handled) Next() error {
	h.calls = append(h.calls, "next")
	return h.handler(h.s)
}

func (h *handled) Header() session.Headers { return h.header }
func (h *handled) Sent() bool              { return h.sent }

func (h *handled) Fail(err error) error {
	h.calls = append(h.calls, "fail")
	return errors.Join(errFailed, err)
}

var errFailed, errHandler = errors.New("Fail answers"), errors.New("a handler's own")

// The conformance suite sees Serve through the adapters of Fiber. Here is in which order it asks what of
// them.
func TestServe(t *testing.T) {
	rig.InBubble(t, testServe)
}

func testServe(t *testing.T, r *rig.Rig) {
	unsent := 0
	m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) {
		if errors.Is(err, session.ErrUnsent) {
			unsent++
		}
	}}})
	closed := r.Manager(session.Options{})
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	set := func(s *session.Session) error {
		s.Set("k", "v")
		return errHandler
	}
	for name, c := range map[string]struct {
		m       *session.Manager
		handler func(s *session.Session) error
		require session.Requirement
		sent    bool
		calls   []string
		err     error
		cookies int
		vary    bool
		unsent  bool
	}{
		"saved":             {m: m, handler: set, calls: []string{"enter", "next"}, err: errHandler, cookies: 1, vary: true},
		"sent by itself":    {m: m, handler: set, sent: true, calls: []string{"enter", "next"}, err: errHandler, cookies: 1, vary: true, unsent: true},
		"sent, and no news": {m: m, handler: func(*session.Session) error { return nil }, sent: true, calls: []string{"enter", "next"}},
		"failed commit": {
			m: m, handler: func(s *session.Session) error { s.Set("k", func() {}); return nil },
			calls: []string{"enter", "next", "fail"}, err: errFailed, vary: true,
		},
		"failed begin": {m: closed, handler: set, calls: []string{"fail"}, err: session.ErrClosed, vary: true},
		"refused":      {m: m, handler: set, require: session.PrincipalWithin(0), calls: []string{"enter", "fail"}, err: session.ErrNoPrincipal, vary: true},
	} {
		unsent = 0
		h := &handled{handler: c.handler, sent: c.sent, header: http.Header{}}
		err := buffered.Serve(t.Context(), c.m, buffered.Request{
			Request: session.Request{Headers: http.Header{}}, Require: c.require, Exchange: h,
		})
		if !errors.Is(err, c.err) || !slices.Equal(h.calls, c.calls) {
			t.Errorf("%s: %q and the error %v, want %q and %v", name, h.calls, err, c.calls, c.err)
		}
		if cookies, vary := len(h.header["Set-Cookie"]), h.header.Get("Vary") != ""; cookies != c.cookies || vary != c.vary {
			t.Errorf("%s: %d cookies, Vary: %t", name, cookies, vary)
		}
		if (unsent == 1) != c.unsent {
			t.Errorf("%s: ErrUnsent is reported %d times", name, unsent)
		}
	}
}
