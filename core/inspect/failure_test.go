package inspect_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A session that cannot be read, or is forged, is in the lists, and can be ended.
func TestUnreadableSessions(t *testing.T) {
	t.Parallel()
	r := rig.OnMini(t)
	m := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}})
	strange, forged := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann")
	r.Mini.HSet(r.Key(strange, "Data"), "_berth", "9 of a later berth")
	r.Mini.HSet(r.Key(forged, "Data"), "_berth", strings.Replace(r.HGet(forged, "_berth"), " ann", " root", 1))
	s := newSite(t, m, acting)

	want(t, s.page(http.StatusOK, "all"), rig.HandleOf(strange), "It cannot be read", rig.HandleOf(forged), "It is forged")
	for id, why := range map[string]string{strange: "It cannot be read", forged: "It is forged"} {
		page := with("session", "handle", rig.HandleOf(id))
		text := s.page(http.StatusOK, page)
		want(t, text, why, link("end-session", "handle", rig.HandleOf(id)))
		wantNot(t, text, "root", "later berth", "<dt>")
		if got := s.json(http.StatusOK, page); !strings.HasPrefix(got["error"].(string), why) || got["principal"] != nil {
			t.Errorf("as JSON: %v", got)
		}
		want(t, s.post(http.StatusOK, with("end-session", "handle", rig.HandleOf(id))), "The session has ended")
	}
	want(t, s.page(http.StatusOK, "all"), "There are no sessions")
}

// An end that cannot be read can be dropped, and not replayed.
func TestUnreadableEnds(t *testing.T) {
	t.Parallel()
	r := rig.OnMini(t)
	m := r.Manager(rig.Tracked(aside))
	id := rig.SignIn(t, m, "ann")
	putAside(t, m, id)
	r.Mini.HSet(r.Key(id, "Ended"), "_berth", "9 of a later berth")
	s := newSite(t, m, acting)
	want(t, s.page(http.StatusOK, "aside"), rig.HandleOf(id), "It cannot be read")
	text := s.page(http.StatusOK, with("end", "handle", rig.HandleOf(id)))
	want(t, text, "It cannot be read", link("drop", "handle", rig.HandleOf(id)))
	wantNot(t, text, "replay?")
	want(t, s.post(http.StatusOK, with("drop", "handle", rig.HandleOf(id))), "dropped")

	// One whose data are gone.
	lost := rig.SignIn(t, m, "ann")
	putAside(t, m, lost)
	r.Mini.Del(r.Key(lost, "Ended"))
	want(t, s.page(http.StatusOK, with("end", "handle", rig.HandleOf(lost))), "Its data are gone", "unknown")
}

// Without Redis, the pages say so, and the statistics of the process are still there.
func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	m, f := rig.OnMini(t).Faulty(session.Options{})
	handle := rig.HandleOf(rig.SignIn(t, m, "ann"))
	s := newSite(t, m, acting)
	for range 100 {
		f.Then(rig.Refuse)
	}
	for _, page := range []string{"all", "of?principal=ann", with("session", "handle", handle), "aside", with("end", "handle", handle)} {
		want(t, s.page(http.StatusServiceUnavailable, page), "Service Unavailable", `role="alert"`)
		if got := s.json(http.StatusServiceUnavailable, page); got["error"] == "" {
			t.Errorf("%s: %v", page, got)
		}
		if w := s.send(http.MethodGet, page); w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After is %q", page, w.Header().Get("Retry-After"))
		}
	}
	for _, action := range []string{with("end-session", "handle", handle), "end-all?principal=ann", with("replay", "handle", handle), with("drop", "handle", handle)} {
		s.post(http.StatusServiceUnavailable, action)
	}
	s.page(http.StatusOK, "")
	want(t, s.page(http.StatusOK, "stats"), `role="alert"`, "The last error of this process", "<dt>Created</dt><dd>1</dd>")
	if got := s.json(http.StatusOK, "stats"); got["error"] == nil || got["lastError"] == nil {
		t.Errorf("statistics are %v", got)
	}
}

// A manager that is closed is as good as no Redis.
func TestClosedManager(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{})
	s := newSite(t, m, inspect.Options{})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, s.page(http.StatusServiceUnavailable, "all"), "the manager is closed")
}
