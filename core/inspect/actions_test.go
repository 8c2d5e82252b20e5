package inspect_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

var acting = inspect.Options{Actions: true}

func TestActions(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(aside))
		one, two, three := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann")
		bob := rig.SignIn(t, m, "bob")
		replayed, dropped := rig.SignIn(t, m, "carl"), rig.SignIn(t, m, "carl")
		putAside(t, m, replayed)
		putAside(t, m, dropped)
		s := newSite(t, m, acting)

		page := with("session", "handle", rig.HandleOf(one))
		want(t, s.page(http.StatusOK, page), link("end-session", "handle", rig.HandleOf(one)))
		want(t, s.post(http.StatusOK, with("end-session", "handle", rig.HandleOf(one))), "The session has ended")
		if rig.Lives(t, m, one) || !rig.Lives(t, m, two) {
			t.Error("the wrong session ended")
		}
		want(t, s.post(http.StatusNotFound, with("end-session", "handle", rig.HandleOf(one))), "no such session")

		want(t, s.page(http.StatusOK, "of?principal=ann"), link("end-all", "principal", "ann"))
		want(t, s.post(http.StatusOK, "end-all?principal=ann"), "2 sessions have ended")
		if rig.Lives(t, m, two) || rig.Lives(t, m, three) || !rig.Lives(t, m, bob) {
			t.Error("the wrong sessions ended")
		}
		want(t, s.post(http.StatusOK, "end-all?principal=ann"), "no sessions any more")
		s.post(http.StatusBadRequest, "end-all")

		want(t, s.page(http.StatusOK, with("end", "handle", rig.HandleOf(replayed))), link("replay", "handle", rig.HandleOf(replayed)), link("drop", "handle", rig.HandleOf(replayed)))
		want(t, s.post(http.StatusOK, with("replay", "handle", rig.HandleOf(replayed))), "handed out again")
		want(t, s.post(http.StatusOK, with("drop", "handle", rig.HandleOf(dropped))), "dropped")
		for _, action := range []string{"replay", "drop"} {
			want(t, s.post(http.StatusNotFound, with(action, "handle", rig.HandleOf(dropped))), "No such end")
		}
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		defer func() {
			t.Log(h.List(), h.Times(), rig.HandleOf(replayed))
			t.Log(m.EndAside(t.Context(), rig.HandleOf(replayed)))
			t.Log(m.CountEnds(t.Context()))
			t.Log(r.Keys())
		}()
		rig.Until(t, "the replayed end is handled", func() bool { return h.Times()[rig.HandleOf(replayed)] == 1 })
		if h.Times()[rig.HandleOf(dropped)] != 0 {
			t.Error("the dropped end was handled")
		}
	})
}

// A client that wants JSON is not sent on to a page.
func TestActionsAsJSON(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{})
	rig.SignIn(t, m, "ann")
	s := newSite(t, m, acting)
	w := s.send(http.MethodPost, "end-all.json?principal=ann")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"count": 1`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// Without Options.Actions nothing is changed, and no page offers it.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(rig.Tracked(aside))
	id, gone := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann")
	putAside(t, m, gone)
	s := newSite(t, m, inspect.Options{})
	for _, action := range []string{with("end-session", "handle", rig.HandleOf(id)), "end-all?principal=ann", with("replay", "handle", rig.HandleOf(gone)), with("drop", "handle", rig.HandleOf(gone))} {
		want(t, s.post(http.StatusForbidden, action), "changes nothing")
	}
	for _, page := range []string{"of?principal=ann", with("session", "handle", rig.HandleOf(id)), with("end", "handle", rig.HandleOf(gone))} {
		wantNot(t, s.page(http.StatusOK, page), `method="post"`)
	}
	if _, err := m.EndAside(t.Context(), rig.HandleOf(gone)); err != nil || !rig.Lives(t, m, id) {
		t.Errorf("something was changed (%v)", err)
	}
}

// No other site can have an operator's browser end sessions, and no link can.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{})
	id := rig.SignIn(t, m, "ann")
	s := newSite(t, m, acting)
	action := with("end-session", "handle", rig.HandleOf(id))
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		if w := s.send(http.MethodPost, action, header...); w.Code != http.StatusForbidden {
			t.Errorf("%q: status %d", header, w.Code)
		}
	}
	for method, page := range map[string]string{http.MethodGet: action, http.MethodHead: action, http.MethodPut: action, http.MethodPost: "all"} {
		if w := s.send(method, page); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: status %d", method, page, w.Code)
		}
	}
	if !rig.Lives(t, m, id) {
		t.Fatal("the session ended")
	}
	trusting := http.NewCrossOriginProtection()
	if err := trusting.AddTrustedOrigin("https://admin.example"); err != nil {
		t.Fatal(err)
	}
	o := acting
	o.Protection = trusting
	if w := newSite(t, m, o).send(http.MethodPost, action, "Origin", "https://admin.example"); w.Code != http.StatusSeeOther {
		t.Errorf("a trusted origin: status %d", w.Code)
	}
}

// Values are shown as the application says, and escaped.
func TestShow(t *testing.T) {
	t.Parallel()
	r := rig.OnMini(t)
	m, patient := r.Manager(rig.Tracked(aside)), r.Manager(rig.Tracked())
	id := rig.SignIn(t, m, "ann", "cart", "<b>apple</b>", "password", "hidden-one", "id", "")
	if err := patient.Do(t.Context(), id, session.Exclusive, func(s *session.Session) error { s.Set("id", id); return nil }); err != nil {
		t.Fatal(err)
	}
	gone := rig.SignIn(t, m, "bob", "cart", "pear", "password", "hidden-two")
	putAside(t, m, gone)
	s := newSite(t, m, inspect.Options{Show: func(r *http.Request, s *session.Session, name string) (string, bool) {
		text, err := session.Get[string](s, name)
		return text, err == nil && name != "password" && r.URL.Path != ""
	}})
	page := s.page(http.StatusOK, with("session", "handle", rig.HandleOf(id)))
	want(t, page, "<pre>&lt;b&gt;apple&lt;/b&gt;</pre>", "password", "not shown", rig.HandleOf(id)+".…")
	wantNot(t, page, "hidden-", "<b>", id)
	page = s.page(http.StatusOK, with("end", "handle", rig.HandleOf(gone)))
	want(t, page, "<pre>pear</pre>", "not shown")
	wantNot(t, page, "hidden-")
	want(t, s.send(http.MethodGet, with("session.json", "handle", rig.HandleOf(id))).Body.String(), `"text": "\u003cb\u003eapple`)
	if err := m.EndHandle(t.Context(), rig.HandleOf(id)); err != nil && !errors.Is(err, session.ErrUnknown) {
		t.Fatal(err)
	}
}

func TestNewNeedsAManager(t *testing.T) {
	t.Parallel()
	defer func() {
		if said, _ := recover().(string); !strings.Contains(said, "needs a session.Manager") {
			t.Errorf("panics with %q", said)
		}
	}()
	inspect.New(nil, inspect.Options{})
}
