package httpsession

import (
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// Serve is what [Middleware] does for one request: it is for adapters of
// frameworks that have their own kind of handler, but write to an
// [http.ResponseWriter].
//
// It begins a session, calls next with a ResponseWriter that commits it before
// the first byte, and commits when next has returned. OnError is called at most
// once, before anything was written, with the w of Serve: what it writes is the
// response, and what next writes after it is dropped. That it was called shows
// to next only as an error of its own writes.
//
// After a panic in next nothing is saved and the panic goes on. From then on the
// ResponseWriter lets everything through, so that a framework that still holds
// it can answer.
func Serve(
	w http.ResponseWriter, r *http.Request, m *session.Manager, access session.Access,
	onError func(w http.ResponseWriter, r *http.Request, err error),
	next func(w http.ResponseWriter, r *http.Request),
) {
	ctx := r.Context()
	s, err := m.Begin(ctx, m.RequestID(r.Header), access)
	if err != nil {
		onError(w, r, err)
		return
	}
	writer := &responseWriter{ResponseWriter: w, request: r, session: s, onError: onError}
	defer func() {
		s.Rollback(ctx)
		writer.committed = true
	}()
	next(writer, r.WithContext(session.NewContext(ctx, s)))
	_ = writer.commit() // told to onError
}
