package gorillastore_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// Two requests of one user at the same time change different values, and neither change is lost. Of a
// value that both change, the last Save counts.
func TestParallelRequests(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) {
		s.Values["a"], s.Values["b"], s.Values["c"], s.Values["m"] = 1, 1, 1, map[string]int{"x": 1, "y": 2}
	})
	first, second := b.request(), b.request()
	one, two := first.get(name), second.get(name)
	one.Values["a"] = 2
	delete(one.Values, "c")
	one.Values["m"] = map[string]int{"x": 2}
	two.Values["b"] = 2
	two.AddFlash("saved")
	first.save(one)
	second.save(two)
	got := b.see(name)
	if got["a"] != 2 || got["b"] != 2 || got["c"] != nil || len(got["_flash"].([]any)) != 1 || len(got["m"].(map[string]int)) != 1 {
		t.Errorf("the session has %v", got)
	}
}

// A request that gets its session and never saves it holds nothing: another one has the session, even
// alone, at once.
func TestForgottenSaveBlocksNobody(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{LockWait: -1}).browser()
	b.visit(func(s *sessions.Session) { s.Values["n"] = 1 })
	forgets := b.request().get(name)
	b.visit(func(s *sessions.Session) { s.Values["n"] = 2 })
	err := b.Manager.Do(t.Context(), b.cookies[name], session.Exclusive, func(*session.Session) error { return nil })
	if err != nil {
		t.Errorf("alone: %v", err)
	}
	if forgets.Values["n"] != 1 {
		t.Errorf("the session that was not saved has %v", forgets.Values)
	}
}

// A handler may save as often as it likes. Each Save writes what has changed since the one before.
func TestSaveAgain(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	r := b.request()
	is := r.get(name)
	is.Values["a"], is.Values["b"] = 1, 1
	r.save(is)
	if handle, _, _ := strings.Cut(r.w.Result().Cookies()[0].Value, "."); is.ID != handle || handle == "" {
		t.Errorf("the ID is %q, want the handle", is.ID)
	}
	r.end()
	b.visit(func(s *sessions.Session) { s.Values["b"] = 2 }) // another request meanwhile
	is.Values["c"] = 1
	delete(is.Values, "a")
	r.save(is)
	r.save(is)
	if set := r.end(); len(set) != 1 {
		t.Errorf("the cookies are %v", set)
	}
	if got := b.see(name); len(got) != 2 || got["b"] != 2 || got["c"] != 1 {
		t.Errorf("the session has %v", got)
	}
}

// Each New loads for itself, as gothic relies on, and both can be saved.
func TestNewTwice(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	r := b.request()
	one, two := r.get(name), r.get(name)
	other, err := r.store.New(r.r, name)
	if err != nil || one != two || one == other || other.Values["a"] != 1 {
		t.Fatalf("New gives %v (%v)", other.Values, err)
	}
	one.Values["b"], other.Values["c"] = 1, 1
	r.save(one)
	r.save(other)
	if got := b.see(name); len(got) != 3 {
		t.Errorf("the session has %v", got)
	}
}

// Nothing comes back to a session that another request has ended.
func TestSaveOfAnEndedSession(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	slow, unchanged, again := b.request(), b.request(), b.request()
	is, same, saved := slow.get(name), unchanged.get(name), again.get(name)
	saved.Values["a"] = 2
	again.save(saved)
	b.visit(func(s *sessions.Session) { s.Options.MaxAge = -1 })
	is.Values["a"] = 3
	if err := is.Save(slow.r, slow.w); !errors.Is(err, session.ErrEnded) {
		t.Errorf("a slow request: %v", err)
	}
	saved.Values["a"] = 4
	if err := saved.Save(again.r, again.w); !errors.Is(err, session.ErrEnded) {
		t.Errorf("a second Save: %v", err)
	}
	unchanged.save(same)
	for _, r := range []*request{slow, again, unchanged} {
		if set := r.end(); len(set) != 0 {
			t.Errorf("the cookies are %v", set)
		}
	}
}

// With an empty ID, as applications of redistore ask for it, the client gets a new ID. The values stay,
// and the old cookie opens nothing.
func TestEmptyIDRotates(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	old := b.cookies[name]
	late := b.request() // begins before
	slow := late.get(name)
	handle, _, _ := strings.Cut(old, ".")
	set := b.visit(func(s *sessions.Session) {
		if s.ID != handle {
			t.Errorf("the ID is %q, want the handle", s.ID)
		}
		s.ID = ""
		s.Values["user"] = "ann"
	})
	now := b.cookies[name]
	if len(set) != 1 || now == old || !strings.HasPrefix(now, handle+".") {
		t.Fatalf("the cookies are %v", set)
	}
	if got := b.see(name); got["a"] != 1 || got["user"] != "ann" {
		t.Errorf("the session has %v", got)
	}
	stale := b.site.browser()
	stale.cookies[name] = old
	r := stale.request()
	if is := r.get(name); len(is.Values) != 0 || !is.IsNew || is.ID != "" {
		t.Errorf("the old cookie gives %v", is.Values)
	}
	// A response that comes late does not put the old cookie back.
	late.save(slow)
	if set := late.end(); len(set) != 0 {
		t.Errorf("a late response sets %v", set)
	}
}

// Of two Saves that both set the cookie, the response has the last one alone.
func TestOneCookieOfAName(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	r := b.request()
	is := r.get(name)
	is.Values["a"] = 1
	r.save(is)
	is.ID = ""
	r.save(is)
	if set := r.end(); len(set) != 1 || b.see(name)["a"] != 1 {
		t.Errorf("the cookies are %v", set)
	}
}

// A new ID waits for a request that holds the session alone, and for no longer than LockWait.
func TestRotationTakesTurns(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{LockWait: -1})
	b := s.browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	release := s.HoldElsewhere(&http.Cookie{Name: name, Value: b.cookies[name]})
	r := b.request()
	is := r.get(name)
	is.ID, is.Values["a"] = "", 2
	if err := is.Save(r.r, r.w); !errors.Is(err, session.ErrLockTimeout) {
		t.Errorf("while it is held: %v", err)
	}
	release()
	r.save(is)
	if len(r.end()) != 1 || b.see(name)["a"] != 2 {
		t.Error("it is not saved under a new ID")
	}
}

// MaxAge is the life of the session and of its cookie. It stays with the session.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, session.Options{Timeout: time.Minute})
		b := s.browser()
		set := b.visit(func(s *sessions.Session) { s.Values["a"], s.Options.MaxAge = 1, 3600 })
		if len(set) != 1 || !strings.Contains(set[0], "Max-Age=3600") {
			t.Fatalf("the cookies are %v", set)
		}
		time.Sleep(4 * time.Minute)
		set = b.visit(func(s *sessions.Session) {
			if s.IsNew || s.Options.MaxAge != 3600 {
				t.Errorf("after four minutes, IsNew is %t and MaxAge %d", s.IsNew, s.Options.MaxAge)
			}
			s.Values["a"] = 2
		})
		if len(set) != 0 {
			t.Errorf("a cookie that is young is sent again: %v", set)
		}
		time.Sleep(3 * time.Minute) // more than a tenth
		if set = b.visit(func(*sessions.Session) {}); len(set) != 1 || !strings.Contains(set[0], "Max-Age=3600") {
			t.Errorf("a tenth later, the cookies are %v", set)
		}
		set = b.visit(func(s *sessions.Session) { s.Options.MaxAge = 0 })
		if len(set) != 1 || strings.Contains(set[0], "Max-Age") {
			t.Errorf("without MaxAge, the cookies are %v", set)
		}
		time.Sleep(61 * time.Second)
		if is := b.request().get(name); !is.IsNew || is.Options.MaxAge != 0 {
			t.Error("the session outlives its Timeout")
		}
	})
}
