package conformance_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

// fault is what is wrong with a [faulty] adapter.
type fault string

const (
	none                  fault = "none"
	commitsAfterFirstByte fault = "commits after the first byte"
	flushPassesCommit     fault = "flush sends headers before the commit"
	readFromPassesCommit  fault = "ReadFrom goes past the commit"
	hijackPassesCommit    fault = "a hijacked socket holds the session"
	commitsAtEarlyHints   fault = "takes early hints for the response"
	locksWhileStreaming   fault = "keeps the lock while streaming"
	writesAfterErrorPage  fault = "writes the handler's body after the error page"
	readsAfterErrorPage   fault = "reads the handler's body after the error page"
	hijacksAfterErrorPage fault = "hands the connection over after the error page"
	keepsHeaders          fault = "leaves the handler's headers to the error page"

	locksAfterFailedCommit fault = "keeps the lock after a failed commit"

	ignoresFailedCommit  fault = "answers as if a failed commit had not failed"
	commitsOnRequest     fault = "uses the request's context for the commit"
	locksAfterPanic      fault = "forgets the unlock on panic"
	savesAfterPanic      fault = "saves on panic"
	swallowsPanic        fault = "swallows the panic"
	dropsAfterError      fault = "rolls back when the handler returns an error"
	emptyWhenRedisFails  fault = "goes on with an empty session when Redis fails"
	emptyWhenLocked      fault = "goes on with an empty session when it is locked"
	adoptsUnknownID      fault = "adopts unknown IDs"
	cookieAlways         fault = "sets the cookie always"
	savesUntouched       fault = "saves sessions that nobody wrote to"
	cacheableCookie      fault = "lets caches keep a response with a cookie"
	neverSecure          fault = "does not see that the request came by TLS"
	ignoresAccess        fault = "takes the lock whatever the access"
	oneMoreTrip          fault = "looks before it locks"
	noSessionInContext   fault = "has the session in a context of its own"
	fromReturnsEmpty     fault = "From makes up a session where there is none"
	hidesWriter          fault = "hides the framework's writer"
	deletesUnknownCookie fault = "deletes a cookie that it does not know"
	keepsOldCookie       fault = "sends a cookie only to who has none"
	forgetsRollback      fault = "rolls back after a panic only"
	firstCookieOnly      fault = "looks at the first cookie only"
	noRetryAfter         fault = "does not say when to try again"
	ignoresErrorHandler  fault = "does not ask the error handler"
	wantsSaveCall        fault = "saves only if the handler says so"
	fiberKeepsBuffers    fault = "keeps what it read from fasthttp's buffers"
	fiberForgetsPanics   fault = "leaves Fiber's panics alone"
	ginForgetsHeaderNow  fault = "leaves Gin's WriteHeaderNow alone"
	ginCommitsLast       fault = "leaves Gin's writer alone"
	echoTrustsBeforeHook fault = "commits in Echo's Before hook"
	fiberTrustsRewritten fault = "reads the Cookie header that fasthttp has written anew"

	echo5TrustsBeforeHook fault = "commits in Echo 5's Before hook"
	fiber3KeepsBuffers    fault = "keeps what it read from fasthttp's buffers, under Fiber 3"
	fiber3ForgetsPanics   fault = "leaves Fiber 3's panics alone"
	fiber3TrustsRewritten fault = "reads the Cookie header that fasthttp has written anew, under Fiber 3"
	fiber3ForgetsLocals   fault = "puts the session into Fiber 3's c.Context() alone"

	forgetsRequest      fault = "does not tell the log which request it is"
	forgetsVary         fault = "lets caches take error pages for everybody's"
	keepsCDNHeaders     fault = "lets CDNs keep a response with a cookie"
	ignoresInner        fault = "does nothing behind another middleware"
	losesCookieSilently fault = "says nothing of a cookie that a handshake does not send"
	answersForRollback  fault = "answers in place of a handler that has rolled back"
	forgetsReaders      fault = "does not send the cookie of a reader again"
	ignoresRule         fault = "does not ask the rule"
	ignoresInnerRule    fault = "does not ask the rule behind another middleware"
	asksRuleTwice       fault = "asks the rule twice"
	letsEverybodyIn     fault = "lets everybody in"
	letsInnerIn         fault = "lets everybody in behind another middleware"
	refusesEverybody    fault = "refuses who has signed in"
	forgetsUserVary     fault = "lets caches take the pages of users for everybody's"
	ignoresAge          fault = "does not ask when the user signed in"
	outageIsNobody      fault = "takes an outage for a user who has not signed in"
	rotatedIsNobody     fault = "takes a rotated cookie for a user who has not signed in"
	endedIsTriedAgain   fault = "has a user who has logged out try again"
	noneIsNobody        fault = "takes a session that was not loaded for a user who has not signed in"
	locksWhileRefusing  fault = "keeps the lock while it refuses"
	dropsWhenRefusing   fault = "rolls back what it refuses"
	cacheableRefusal    fault = "lets caches keep a refusal"
	forgetsDueCookie    fault = "refuses without the cookie that is due"
	looksForUser        fault = "looks at the session for its user"
)

// faulty is an adapter of net/http by hand. Without a fault it passes the suite.
type faulty struct {
	fault   fault
	app     conformance.App
	next    http.Handler
	aliases sync.Map // for adoptsUnknownID: the client's ID to the session's
}

func (a *faulty) has(f fault) bool { return a.fault == f }

func (a *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, ctx := a.app.Manager, r.Context()
	access := a.access(r)
	if m.Adapter().SessionOf(ctx) != nil {
		if err := a.again(r, access); err != nil {
			a.refuse(w, err)
			return
		}
		a.next.ServeHTTP(w, r)
		return
	}
	if a.has(ignoresAccess) {
		access = session.Exclusive
	}
	request := a.request(r)
	id := m.Adapter().SessionID(request.Headers)
	if a.has(oneMoreTrip) && id != "" {
		if s, err := m.Begin(ctx, id, session.ReadOnly); err == nil {
			s.Rollback(ctx)
		}
	}
	s, err := m.Adapter().Begin(ctx, request, access)
	if err != nil {
		locked := errors.Is(err, session.ErrLockTimeout)
		if !(a.has(emptyWhenLocked) && locked) && !(a.has(emptyWhenRedisFails) && !locked) {
			a.answer(w, err)
			return
		}
		if s, err = m.Begin(ctx, "", access); err != nil {
			a.answer(w, err)
			return
		}
	}
	if a.has(savesUntouched) && s.IsNew() && access == session.Exclusive {
		s.Set("created", "yes")
	}
	response := &faultyWriter{ResponseWriter: w, a: a, m: m, r: r, s: s, sentID: id}
	defer a.after(response)
	ctx = session.NewContext(r.Context(), s)
	if a.has(noSessionInContext) {
		ctx = context.WithValue(r.Context(), sessionKey{}, s)
	}
	if err := a.admit(ctx, s); err != nil {
		if !a.has(forgetsDueCookie) {
			s.SetHeaders(r.Header, w.Header(), r.TLS != nil)
		}
		a.refuse(w, err)
		return
	}
	var writer http.ResponseWriter = response
	if a.has(hidesWriter) {
		writer = struct {
			http.ResponseWriter
			http.Flusher
			http.Hijacker
			io.ReaderFrom
		}{response, response, response, response}
	}
	a.next.ServeHTTP(writer, r.WithContext(ctx))
	if a.has(wantsSaveCall) {
		s.Rollback(ctx)
	}
	_ = response.finish()
}

type sessionKey struct{}

// after runs when the handler has returned or panicked: it rolls back, and handles the panic.
func (a *faulty) after(w *faultyWriter) {
	p := recover()
	if p == nil {
		if !a.has(forgetsRollback) {
			w.s.Rollback(w.r.Context())
		}
		return
	}
	switch {
	case a.has(locksAfterPanic):
	case a.has(savesAfterPanic):
		_ = w.s.Finish(w.r.Context())
	default:
		w.s.Rollback(w.r.Context())
	}
	if !a.has(swallowsPanic) {
		panic(p)
	}
}

func (a *faulty) request(r *http.Request) session.Request {
	request := requestOf(r)
	if a.has(forgetsRequest) {
		request.Method, request.Path = "", ""
	}
	cookie := ""
	if first, err := r.Cookie("session"); err == nil && a.has(firstCookieOnly) {
		cookie = first.Value
	}
	if own, ok := a.aliases.Load(a.app.Manager.Adapter().SessionID(r.Header)); ok {
		cookie = own.(string)
	}
	if cookie != "" || a.has(firstCookieOnly) {
		request.Headers = http.Header{"Cookie": {"session=" + cookie}}
	}
	return request
}

func (a *faulty) answer(w http.ResponseWriter, err error) {
	if !a.has(forgetsVary) {
		a.app.Manager.Adapter().Vary(w.Header())
	}
	status, body, retry := 0, "", 0
	if a.app.OnError != nil && !a.has(ignoresErrorHandler) {
		status, body = a.app.OnError(err)
	} else {
		status, retry = session.HTTPStatus(err)
		body = http.StatusText(status) + "\n"
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
	}
	if retry > 0 && !a.has(noRetryAfter) {
		w.Header().Set("Retry-After", strconv.Itoa(retry))
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (a *faulty) from(r *http.Request) *session.Session {
	if s, ok := r.Context().Value(sessionKey{}).(*session.Session); ok {
		return s
	}
	if a.has(fromReturnsEmpty) {
		defer func() { _ = recover() }()
	}
	return session.FromContext(r.Context())
}

func serveFaulty(f fault) func(l net.Listener, app conformance.App) (stop func()) {
	return func(l net.Listener, app conformance.App) (stop func()) {
		behind, mux := http.NewServeMux(), http.NewServeMux()
		a := &faulty{fault: f, app: app, next: behind}
		if app.Inner != nil {
			inner := &faulty{fault: f, app: *app.Inner, next: behind}
			a.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if app.Between != nil {
					app.Between(a.from(r))
				}
				inner.ServeHTTP(w, r)
			})
		}
		for path, handler := range app.Routes {
			behind.Handle(exact(path), conformance.HTTPHandler(handler, a.from))
		}
		for path, handler := range app.Bare {
			mux.Handle(exact(path), conformance.HTTPHandler(handler, a.from))
		}
		mux.Handle("/", a)
		return conformance.ServeHTTP(l, mux)
	}
}
