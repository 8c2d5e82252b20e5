package inspect_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestPages(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(aside))
		ann, visitor := rig.SignIn(t, m, "ann", "cart", "secret-apple"), rig.Saved(t, m, "page", "secret-page")
		gone := rig.SignIn(t, m, "bob", "cart", "secret-pear")
		putAside(t, m, gone)
		s := newSite(t, m, inspect.Options{Title: "Shop"})

		want(t, s.page(http.StatusOK, ""), "<title>Find sessions – Shop</title>", `action="of"`, `action="session"`, "read-only")
		want(t, s.page(http.StatusOK, with("of", "principal", "ann")), rig.HandleOf(ann), ": 1 session,", link("session", "handle", rig.HandleOf(ann)))
		want(t, s.page(http.StatusOK, with("of", "principal", "nobody")), "no live sessions")
		want(t, s.page(http.StatusBadRequest, "of"), "Name a user")
		all := s.page(http.StatusOK, "all")
		want(t, all, rig.HandleOf(ann), rig.HandleOf(visitor))
		wantNot(t, all, rig.HandleOf(gone), "Next page")
		one := s.page(http.StatusOK, with("session", "handle", rig.HandleOf(ann)))
		want(t, one, rig.HandleOf(ann), ">ann<", "cart", "not shown", "by no request", "1m0s", link("of", "principal", "ann"))
		want(t, s.page(http.StatusOK, with("session", "handle", rig.HandleOf(visitor))), "nobody has signed in", "page")
		want(t, s.page(http.StatusNotFound, with("session", "handle", rig.HandleOf(gone))), "no such session")
		want(t, s.page(http.StatusOK, "aside"), rig.HandleOf(gone), ">bob<", "operator", link("end", "handle", rig.HandleOf(gone)))
		want(t, s.page(http.StatusOK, "aside?from=1"), "none on this page", `href="aside"`)
		want(t, s.page(http.StatusOK, with("end", "handle", rig.HandleOf(gone))), ">bob<", "operator", "cart", "not shown")
		want(t, s.page(http.StatusNotFound, with("end", "handle", rig.HandleOf(ann))), "No such end")
		moving := s.page(http.StatusOK, "stats")
		want(t, moving, `<meta http-equiv="refresh" content="5">`, "Lock wait time", "<dt>Created</dt><dd>3</dd>", "<dt>Sessions whose end is tracked</dt><dd>2</dd>", `<span class="bad">`)
		wantNot(t, s.page(http.StatusOK, "stats?still=1"), "http-equiv")
		want(t, s.page(http.StatusNotFound, "other"), "no such page")
		want(t, s.page(http.StatusNotFound, "done?what=other"), "no such page")

		css := s.send(http.MethodGet, "style.css")
		if css.Code != http.StatusOK || css.Header().Get("Content-Type") != "text/css; charset=utf-8" || css.Body.Len() == 0 {
			t.Errorf("style.css: status %d, %s", css.Code, css.Header().Get("Content-Type"))
		}
		// Nothing that a page shows opens a session or tells a value.
		for _, page := range []string{"", "all", "aside", "stats", with("of", "principal", "ann"), with("session", "handle", rig.HandleOf(ann)), with("end", "handle", rig.HandleOf(gone))} {
			for _, text := range []string{s.page(http.StatusOK, page), s.send(http.MethodGet, page, "Accept", "application/json").Body.String()} {
				for _, id := range []string{ann, visitor, gone} {
					wantNot(t, text, id, id[27:], rig.Proof(id), "secret-", "_berth")
				}
			}
		}
	})
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r := rig.OnMini(t)
	m := r.Manager(rig.Tracked(aside))
	ann := rig.SignIn(t, m, "ann", "cart", "apple")
	gone := rig.SignIn(t, m, "bob", "cart", "pear")
	putAside(t, m, gone)
	s := newSite(t, m, inspect.Options{})

	first := func(v map[string]any, list string) map[string]any {
		t.Helper()
		if all, ok := v[list].([]any); ok && len(all) == 1 {
			return all[0].(map[string]any)
		}
		t.Fatalf("%s is %v", list, v[list])
		return nil
	}
	for _, one := range []map[string]any{
		first(s.json(http.StatusOK, "of?principal=ann"), "sessions"),
		first(s.json(http.StatusOK, "all"), "sessions"),
		s.json(http.StatusOK, "session?handle="+rig.HandleOf(ann)),
	} {
		if left := one["leftMs"].(float64); one["handle"] != rig.HandleOf(ann) || one["principal"] != "ann" || left < 50_000 || left > 60_000 || one["held"] != false {
			t.Errorf("session is %v", one)
		}
	}
	for _, one := range []map[string]any{
		first(s.json(http.StatusOK, "aside"), "ends"),
		s.json(http.StatusOK, "end?handle="+rig.HandleOf(gone)),
	} {
		if one["handle"] != rig.HandleOf(gone) || one["reason"] != "operator" || one["attempts"] != 1.0 {
			t.Errorf("end is %v", one)
		}
	}
	if value := first(s.json(http.StatusOK, "session?handle="+rig.HandleOf(ann)), "values"); value["name"] != "cart" || value["text"] != nil {
		t.Errorf("value is %v", value)
	}
	stats := s.json(http.StatusOK, "stats")
	counts := stats["stats"].(map[string]any)
	if fields := reflect.TypeFor[session.Stats]().NumField(); len(counts) != fields || counts["created"] != 2.0 || counts["lockWaitTimeMs"] != 0.0 || stats["endsAsideNow"] != 1.0 {
		t.Errorf("statistics have %d of %d figures: %v", len(counts), fields, stats)
	}
	if home := s.json(http.StatusOK, ""); home["held"] != 0.0 {
		t.Errorf("home is %v", home)
	}
	for page, status := range map[string]int{"of": 400, "session?handle=x": 404, "end?handle=x": 404, "all?cursor=x": 404, "other": 404} {
		if got := s.json(status, page); len(got) != 1 || got["error"] == "" {
			t.Errorf("%s: %v", page, got)
		}
	}
	for accept, isJSON := range map[string]bool{
		"application/json": true, "text/plain, application/json;q=0.9": true, "*/*": false, "text/html,application/json": false, "": false,
	} {
		if w := s.send(http.MethodGet, "all", "Accept", accept); (w.Header().Get("Content-Type") == "application/json") != isJSON || json.Valid(w.Body.Bytes()) != isJSON {
			t.Errorf("Accept: %s: got %s", accept, w.Header().Get("Content-Type"))
		}
	}
}

// A session that requests hold is shown at once, and says who holds it.
func TestHeldSession(t *testing.T) {
	t.Parallel()
	r := rig.OnMini(t)
	m, other := r.Manager(session.Options{}), r.Manager(session.Options{})
	id := rig.SignIn(t, m, "ann")
	holder := rig.Begin(t, m, id, session.Exclusive)
	defer holder.Rollback(t.Context())
	page := with("session", "handle", rig.HandleOf(id))
	want(t, newSite(t, m, inspect.Options{}).page(http.StatusOK, page), "by a request of this process")
	elsewhere := newSite(t, other, inspect.Options{})
	want(t, elsewhere.page(http.StatusOK, page), "by a request of another process")
	if got := elsewhere.json(http.StatusOK, page); got["held"] != true || got["heldHere"] != nil || len(got["heldBy"].(string)) != 16 || got["heldForMs"].(float64) < 0 {
		t.Errorf("session is %v", got)
	}
	want(t, elsewhere.page(http.StatusOK, "all"), `data-label="Held for">`)
}

// All sessions come in pages, and each page has the link to the next.
func TestPagesOfSessions(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	m := r.Manager(session.Options{})
	missing := map[string]bool{}
	for i := range 250 {
		missing[rig.HandleOf(rig.Saved(t, m, "n", i))] = true
	}
	s := newSite(t, m, inspect.Options{})
	pages := 0
	for page := "all"; page != ""; pages++ {
		text, got := s.page(http.StatusOK, page), s.json(http.StatusOK, page)
		for _, one := range got["sessions"].([]any) {
			handle := one.(map[string]any)["handle"].(string)
			delete(missing, handle)
		}
		next, more := got["next"].(string)
		if page = ""; more {
			page = with("all", "cursor", next)
			want(t, text, `<a rel="next" href="all?cursor=`)
		} else {
			want(t, text, "This is the last page", "First page")
		}
	}
	if len(missing) > 0 || pages < 2 {
		t.Errorf("%d sessions are missing from %d pages", len(missing), pages)
	}
}

// Ends that are kept aside come in pages too.
func TestPagesOfEnds(t *testing.T) {
	t.Parallel()
	r := rig.OnMini(t)
	m := r.Manager(rig.Tracked(aside))
	for range 60 {
		handle := rig.HandleOf(rig.NewID())
		if _, err := r.Mini.ZAdd("{"+r.App+"_Ends_03}_Aside", 1, handle); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, m, inspect.Options{})
	first, second := s.json(http.StatusOK, "aside"), s.json(http.StatusOK, "aside?from=50")
	if len(first["ends"].([]any)) != 50 || first["next"] != 50.0 || len(second["ends"].([]any)) != 10 || second["next"] != nil {
		t.Errorf("pages have %d and %d ends", len(first["ends"].([]any)), len(second["ends"].([]any)))
	}
	want(t, s.page(http.StatusOK, "aside"), `href="aside?from=50"`)
	if got := s.json(http.StatusOK, "aside?from=-9"); len(got["ends"].([]any)) != 50 {
		t.Errorf("from -9: %v", got)
	}
}

// The inspector works under any prefix, with StripPrefix or without.
func TestMountedAnywhere(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{})
	inspector := inspect.New(m, inspect.Options{})
	mux := http.NewServeMux()
	mux.Handle("/", inspector)
	mux.Handle("/a/b/", inspector)
	mux.Handle("/c/", http.StripPrefix("/c", inspector))
	mux.Handle("/d", http.StripPrefix("/d", inspector))
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	for _, path := range []string{"/", "/all", "/a/b/", "/a/b/stats", "/c/", "/c/all", "/c/style.css"} {
		w := get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
		for _, absolute := range []string{`href="/`, `action="/`, `src="/`} {
			wantNot(t, w.Body.String(), absolute)
		}
	}
	if w := get("/d?x=1"); w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "./d/" {
		t.Errorf("without a slash: status %d, Location %q", w.Code, w.Header().Get("Location"))
	}
	w := httptest.NewRecorder()
	evil := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "//evil.example", nil)
	evil.URL.Path = ""
	inspector.ServeHTTP(w, evil)
	if at := w.Header().Get("Location"); !strings.HasPrefix(at, "./") {
		t.Errorf("redirected to %q", at)
	}
}
