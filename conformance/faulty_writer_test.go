package conformance_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// faultyWriter commits before the first byte.
type faultyWriter struct {
	http.ResponseWriter
	a      *faulty
	m      *session.Manager
	r      *http.Request
	s      *session.Session
	sentID string

	done bool
	err  error
}

// begin is called before the first byte.
func (w *faultyWriter) begin() error {
	switch {
	case w.a.has(commitsAfterFirstByte):
		return nil
	case w.a.has(locksWhileStreaming) && !w.s.IsNew():
		return nil
	}
	err := w.finish()
	if w.a.has(writesAfterErrorPage) {
		return nil
	}
	return err
}

// finish is called when the handler has returned, or earlier.
func (w *faultyWriter) finish() error {
	if w.done {
		return w.err
	}
	w.done = true
	if w.a.has(commitsOnRequest) || w.a.has(forgetsReaders) && w.s.Access() == session.ReadOnly {
		w.err = w.s.Commit(w.r.Context())
	} else if w.a.has(answersForRollback) {
		w.err = w.s.Commit(context.WithoutCancel(w.r.Context()))
	} else {
		w.err = w.s.Finish(w.r.Context())
	}
	if w.a.has(wantsSaveCall) && w.err != nil {
		w.err = nil
	}
	if w.err != nil && !w.a.has(ignoresFailedCommit) {
		if !w.a.has(locksAfterFailedCommit) {
			w.s.Rollback(w.r.Context())
		}
		if w.a.has(keepsHeaders) {
			for _, name := range []string{"Content-Length", "Content-Type", "Etag"} {
				w.Header().Del(name)
			}
		} else {
			clear(w.Header())
		}
		w.a.answer(w.ResponseWriter, w.err)
		return w.err
	}
	w.err = nil
	w.tell()
	return nil
}

// tell sets the cookie if the client needs one.
func (w *faultyWriter) tell() {
	cached, cdn := w.Header().Get("Cache-Control"), w.Header().Get("Cdn-Cache-Control")
	w.s.SetHeaders(w.r.Header, w.Header(), w.r.TLS != nil && !w.a.has(neverSecure))
	if w.a.has(forgetsUserVary) && w.a.app.NeedsUser {
		w.Header().Del("Vary")
	}
	switch {
	case w.a.has(cookieAlways) && w.s.ID() != "" && w.Header().Get("Set-Cookie") == "":
		w.Header().Set("Set-Cookie", "session="+w.s.ID()+"; Path=/; HttpOnly")
	case w.a.has(deletesUnknownCookie) && w.sentID != "" && w.s.ID() == "" && w.s.Access() != session.None:
		w.Header().Set("Set-Cookie", "session=; Path=/; Max-Age=0")
	case w.a.has(keepsOldCookie) && w.sentID != "" && w.s.ID() != "":
		w.Header().Del("Set-Cookie")
	case w.a.has(adoptsUnknownID) && w.sentID != "" && w.s.IsNew() && w.s.ID() != "":
		w.a.aliases.Store(w.sentID, w.s.ID())
		w.Header().Del("Set-Cookie")
	case w.a.has(cacheableCookie):
		if w.Header().Del("Cache-Control"); cached != "" {
			w.Header().Set("Cache-Control", cached)
		}
	case w.a.has(keepsCDNHeaders) && cdn != "":
		w.Header().Set("Cdn-Cache-Control", cdn)
	}
}

func (w *faultyWriter) WriteHeader(status int) {
	if status == http.StatusInternalServerError && w.a.has(dropsAfterError) {
		w.s.Rollback(w.r.Context())
		w.done = true
	}
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if informational && !w.a.has(commitsAtEarlyHints) || w.begin() == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *faultyWriter) Write(b []byte) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

func (w *faultyWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.a.has(readFromPassesCommit) {
		if err := w.begin(); err != nil && !w.a.has(readsAfterErrorPage) {
			return 0, err
		}
	}
	return io.Copy(w.ResponseWriter, r)
}

func (w *faultyWriter) Flush() { _ = w.FlushError() }

func (w *faultyWriter) FlushError() error {
	if !w.a.has(flushPassesCommit) {
		if err := w.begin(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *faultyWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	sent := w.done
	if !w.a.has(hijackPassesCommit) {
		if err := w.begin(); err != nil && !w.a.has(hijacksAfterErrorPage) {
			return nil, nil, err
		}
	}
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && !sent && !w.a.has(losesCookieSilently) {
		w.m.Adapter().Hijacked(w.r.Context(), w.s)
	}
	return conn, buffered, err
}

func (w *faultyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
