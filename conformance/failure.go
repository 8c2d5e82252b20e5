package conformance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/session"
)

var failure = []testCase{
	{name: "RedisGoneAtBegin", run: redisGoneAtBegin},
	{name: "RedisGoneAtCommit", run: redisGoneAtCommit},
	{name: "RedisGoneAtBeginSilently", run: redisGoneAtBeginSilently},
	{name: "RedisGoneAtCommitSilently", run: redisGoneAtCommitSilently},
	{name: "ErrorHandler", run: errorHandler},
	{name: "NothingOfTheHandlerIsLeft", run: nothingOfHandlerIsLeft},
	{name: "NothingIsReadFrom", run: nothingIsReadFrom, needs: []Feature{ReaderFrom}},
	{name: "NothingIsHijacked", run: nothingIsHijacked},
	{name: "SessionIsFreeAtOnce", run: sessionIsFreeAtOnce, needs: []Feature{Unbuffered}},
	{name: "LostLease", run: lostLease},
	{name: "TooLarge", run: tooLarge},
	{name: "UnencodableValue", run: unencodableValue},
	{name: "ManagerClosed", run: managerClosed},
	{name: "NoSecretIsLogged", run: noSecretIsLogged},
	{name: "LogNamesTheRequest", run: logNamesRequest},
	{name: "RollbackLeavesTheAnswerAlone", run: rollbackLeavesAnswer},
}

func redisGoneAtBegin(r *rig) {
	var ran atomic.Bool
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/show": show("k"),
		"/overwrite": func(x *Exchange) error { ran.Store(true); return set("k", "w")(x) },
	}})
	b := s.visitor("/set")
	s.wire.down.Store(true)
	r.wantUnavailable(b.get("/overwrite"))
	if ran.Load() {
		r.Errorf("the handler ran without the session")
	}
	if len(s.failures.all()) != 1 {
		r.Errorf("OnError was told %v, want one failure", s.failures.all())
	}
	s.wire.down.Store(false)
	r.wantBody(b.get("/show"), "v")
}

// A failed commit is one error response. Nothing of the handler's own response is in it, whether it
// was written before the commit failed or after.
func redisGoneAtCommit(r *rig) {
	var s *site
	broken := func(answer func(x *Exchange) error) Handler {
		return func(x *Exchange) error {
			x.From().Set("k", "lost")
			x.W.Header().Set("Etag", `"1"`)
			x.W.Header().Set("Content-Type", "application/json")
			s.wire.down.Store(true)
			return answer(x)
		}
	}
	routes := Routes{
		"/set": set("k", "v"), "/show": show("k"),
		"/nothing": broken(func(*Exchange) error { return nil }),
		"/status":  broken(func(x *Exchange) error { x.W.WriteHeader(http.StatusTeapot); return nil }),
		"/write":   broken(func(x *Exchange) error { return write(x, "the handler's own") }),
		"/writes": broken(func(x *Exchange) error {
			x.W.Header().Set("Content-Length", "34")
			_ = write(x, "the handler's own")
			_ = write(x, "the handler's own")
			return nil
		}),
		"/error": broken(func(*Exchange) error { return errors.New("the handler's own") }),
		"/stream": broken(func(x *Exchange) error {
			x.Stream(func(w io.Writer, flush func() error) {
				_ = flush()
				_, _ = w.Write([]byte("the handler's own"))
			})
			return nil
		}),
	}
	s = r.serve(setting{routes: routes})
	b := s.visitor("/set")
	for _, path := range []string{"/nothing", "/status", "/write", "/writes", "/error", "/stream"} {
		a := b.get(path)
		s.wire.down.Store(false)
		r.wantUnavailable(a)
		if a.header.Get("Etag") != "" {
			r.Errorf("the answer to %s has the handler's Etag", path)
		}
		// The rollback did not reach Redis. So the lease may stay until its TTL ends.
		if err := r.look.Del(r.Context(), r.key(b.id, "Lock")).Err(); err != nil {
			r.Fatalf("DEL: %v", err)
		}
		r.wantBody(b.get("/show"), "v")
	}
	first := s.browser()
	a := first.get("/write") // a new session
	s.wire.down.Store(false)
	r.wantUnavailable(a)
}

// An outage must neither log anybody out nor overwrite a session with an empty one.
func redisGoneAtBeginSilently(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/try": func(x *Exchange) error {
			s := x.From()
			s.Set("k", "lost")
			return write(x, fmt.Sprint(s.Detached(), s.Err() != nil))
		}},
		options: session.Options{FailSilently: true},
	})
	b := s.visitor("/set")
	s.wire.down.Store(true)
	a := b.get("/try")
	r.wantStatus(a, http.StatusOK)
	r.wantBody(a, "true true")
	r.wantNoCookie(a)
	s.wire.down.Store(false)
	r.wantBody(b.get("/show"), "v")
	if len(s.failures.all()) != 1 {
		r.Errorf("OnError was told %v, want one failure", s.failures.all())
	}
}

func redisGoneAtCommitSilently(r *rig) {
	var s *site
	s = r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/try": func(x *Exchange) error {
			x.From().Set("k", "lost")
			s.wire.down.Store(true)
			return write(x, "done")
		}},
		options: session.Options{FailSilently: true},
	})
	b := s.visitor("/set")
	for _, b := range []*browser{b, s.browser()} {
		a := b.get("/try")
		r.wantStatus(a, http.StatusOK)
		r.wantBody(a, "done")
		r.wantNoCookie(a)
		s.wire.down.Store(false)
	}
	if err := r.look.Del(r.Context(), r.key(b.id, "Lock")).Err(); err != nil {
		r.Fatalf("DEL: %v", err)
	}
	r.wantBody(b.get("/show"), "v")
}

func errorHandler(r *rig) {
	var calls atomic.Int64
	var s *site
	s = r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/try": func(x *Exchange) error {
			x.From().Set("k", "lost")
			s.wire.down.Store(true)
			return write(x, "the handler's own")
		}},
		onError: func(err error) (int, string) {
			calls.Add(1)
			status, retry := session.HTTPStatus(err)
			return http.StatusTeapot, fmt.Sprint("own page: ", status, retry)
		},
	})
	b := s.visitor("/set")
	for i := range int64(2) { // at commit, and then at begin
		a := b.get("/try")
		r.wantStatus(a, http.StatusTeapot)
		r.wantBody(a, "own page: 503 1")
		if calls.Load() != i+1 {
			r.Errorf("the error handler was called %d times, want %d", calls.Load(), i+1)
		}
	}
}

// A login was not saved. The headers and the status that the handler set for it must not reach the
// client, whoever writes the error page.
func nothingOfHandlerIsLeft(r *rig) {
	for _, onError := range []func(error) (int, string){
		nil,
		func(error) (int, string) { return http.StatusTeapot, "own page" },
	} {
		s := r.serve(setting{onError: onError, routes: Routes{"/try": func(x *Exchange) error {
			x.From().Set("k", func() {})
			for name, value := range map[string]string{
				"Location": "/paid", "Set-Cookie": "remember=me", "Clear-Site-Data": "*", "Cache-Control": "public, max-age=60",
				"Content-Disposition": "attachment", "Content-Encoding": "gzip", "Content-Length": "3", "Expires": "tomorrow",
			} {
				x.W.Header().Set(name, value)
			}
			x.W.WriteHeader(http.StatusFound)
			return write(x, "own")
		}}})
		a := s.browser().get("/try")
		if onError == nil {
			r.wantStatus(a, http.StatusInternalServerError)
			r.wantError(a)
		} else {
			r.wantStatus(a, http.StatusTeapot)
			r.wantBody(a, "own page")
		}
		for _, name := range []string{"Location", "Set-Cookie", "Clear-Site-Data", "Content-Disposition", "Content-Encoding", "Expires"} {
			if got := a.header.Get(name); got != "" {
				r.Errorf("the answer has the handler's %s: %s", name, got)
			}
		}
		if strings.Contains(a.header.Get("Cache-Control"), "public") {
			r.Errorf("the answer may be cached")
		}
	}
}

func nothingIsReadFrom(r *rig) {
	s := r.serve(setting{routes: Routes{"/try": func(x *Exchange) error {
		x.From().Set("k", func() {})
		if _, err := x.W.(io.ReaderFrom).ReadFrom(strings.NewReader("the handler's own")); err == nil {
			r.Errorf("ReadFrom succeeded")
		}
		return nil
	}}})
	a := s.browser().get("/try")
	r.wantStatus(a, http.StatusInternalServerError)
	r.wantError(a)
}

func nothingIsHijacked(r *rig) {
	s := r.serve(setting{routes: Routes{"/try": func(x *Exchange) error {
		x.From().Set("k", func() {})
		_ = x.Hijack(func(conn net.Conn) { r.Errorf("the connection was handed over") })
		return nil
	}}})
	a := s.browser().get("/try")
	r.wantStatus(a, http.StatusInternalServerError)
	r.wantError(a)
}

// The commit of a handler's session failed, and the handler does not notice and goes on. Other
// requests can use the session meanwhile.
func sessionIsFreeAtOnce(r *rig) {
	rest := r.gate()
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/try": func(x *Exchange) error {
		x.From().Set("k", func() {})
		_ = write(x, "the handler's own")
		rest.pass()
		return nil
	}}})
	b := s.visitor("/set")
	started := b.also().start("/try")
	rest.await()
	r.wantUnlocked(b.id)
	r.wantStatus(b.get("/set"), http.StatusOK)
	rest.open()
	r.wantStatus(b.finish(started), http.StatusInternalServerError)
}

func lostLease(r *rig) {
	slow := r.gate()
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/slow": func(x *Exchange) error {
		x.From().Set("k", "lost")
		slow.pass()
		return nil
	}}})
	b := s.visitor("/set")
	started := b.start("/slow")
	slow.await()
	lock := r.key(b.id, "Lock")
	if err := r.look.Set(r.Context(), lock, "somebody else", time.Hour).Err(); err != nil {
		r.Fatalf("SET: %v", err)
	}
	slow.open()
	r.wantUnavailable(b.finish(started))
	if got := r.look.Get(r.Context(), lock).Val(); got != "somebody else" {
		r.Errorf("somebody else's lease was taken away")
	}
	r.look.Del(r.Context(), lock)
	r.wantBody(b.get("/show"), "v")
}

func tooLarge(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/set": set("k", "v"), "/show": show("k"), "/large": set("k", strings.Repeat("x", 2000))},
		options: session.Options{MaxBytes: 1000},
	})
	b := s.visitor("/set")
	a := b.get("/large")
	r.wantStatus(a, http.StatusInternalServerError)
	r.wantError(a)
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "v")
}

func unencodableValue(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/bad": func(x *Exchange) error {
		x.From().Set("k", func() {})
		return write(x, "the handler's own")
	}}})
	b := s.visitor("/set")
	a := b.get("/bad")
	r.wantStatus(a, http.StatusInternalServerError)
	r.wantError(a)
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "v")
}

func managerClosed(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v")}})
	b := s.visitor("/set")
	if err := s.m.Close(); err != nil {
		r.Errorf("Close: %v", err)
	}
	r.wantUnavailable(b.get("/set"))
}

func noSecretIsLogged(r *rig) {
	var s *site
	s = r.serve(setting{routes: Routes{"/set": set("k", "v"), "/try": func(x *Exchange) error {
		x.From().Set("k", "secret value")
		s.wire.down.Store(true)
		return nil
	}}})
	b := s.visitor("/set")
	r.wantUnavailable(b.get("/try"))
	r.wantUnavailable(b.get("/try"))
	said := s.log.String()
	for _, err := range s.failures.all() {
		said += err.Error()
	}
	if said == "" {
		r.Errorf("nothing was logged")
	}
	_, secret, _ := strings.Cut(b.id, ".")
	if strings.Contains(said, secret) || strings.Contains(said, "secret value") {
		r.Errorf("a session's secret or a value was logged")
	}
}

// A failure is one line in the log, and the line says which request it was about.
func logNamesRequest(r *rig) {
	const query = "?token=of-the-query"
	begun := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/try": show("k")}})
	b := begun.visitor("/set")
	begun.wire.down.Store(true)
	r.wantUnavailable(b.get("/try" + query))
	begun.wantLogged("session failure", 1, "/try")
	begun.wantLogged("session: begin:", 1, "/try")

	committed := r.serve(setting{routes: Routes{"/try": set("k", func() {})}})
	r.wantStatus(committed.browser().get("/try"+query), http.StatusInternalServerError)
	committed.wantLogged("session failure", 1, "/try")

	var lost *site
	lost = r.serve(setting{routes: Routes{"/set": set("k", "v"), "/try": func(x *Exchange) error {
		x.From().Set("k", "lost")
		lost.wire.down.Store(true)
		return write(x, "done")
	}}})
	b = lost.visitor("/set")
	r.wantUnavailable(b.get("/try" + query))
	lost.wantLogged("session: commit:", 1, "/try")

	for _, s := range []*site{begun, committed, lost} {
		if strings.Contains(s.log.String(), "of-the-query") {
			r.Errorf("the log has the query")
		}
	}
}

// A handler that finds a mistake in the form rolls back, and answers for itself.
func rollbackLeavesAnswer(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/who": who, "/try": func(x *Exchange) error {
		s := x.From()
		s.Set("k", "lost")
		s.SetPrincipal("Ann")
		s.Rollback(x.R.Context())
		x.W.WriteHeader(http.StatusBadRequest)
		return write(x, "the handler's own")
	}}})
	b := s.visitor("/set")
	for _, b := range []*browser{b, s.browser()} {
		a := b.get("/try")
		r.wantStatus(a, http.StatusBadRequest)
		r.wantBody(a, "the handler's own")
		r.wantNoCookie(a)
	}
	r.wantUnlocked(b.id)
	r.wantBody(b.get("/show"), "v")
	r.wantBody(b.get("/who"), "")
	if told := s.failures.all(); len(told) > 0 {
		r.Errorf("OnError was told %v", told)
	}
}
