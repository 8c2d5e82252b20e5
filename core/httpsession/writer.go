package httpsession

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// responseWriter commits the session before the first byte of the response. Like any
// ResponseWriter, it is not for concurrent use.
type responseWriter struct {
	http.ResponseWriter
	request *http.Request
	manager *session.Manager
	session *session.Session
	onError func(http.ResponseWriter, *http.Request, error)
	before  http.Header // the response's headers before the handler; nil if there were none

	committed bool
	answered  bool  // onError has answered a failed commit
	err       error // of the commit; if it is not nil, the error handler writes the response

	vary [1]string // room for a header, which saves an allocation
}

var (
	_ http.Flusher  = (*responseWriter)(nil)
	_ http.Hijacker = (*responseWriter)(nil)
	_ io.ReaderFrom = (*responseWriter)(nil)
)

// errInterrupted is the error of a commit that panicked, for example in a codec, until something
// answers.
var errInterrupted = errors.New("httpsession: the commit of the session panicked")

// commit commits the session once, and answers the request if the commit fails.
func (w *responseWriter) commit() error {
	if w.committed {
		return w.err
	}
	w.committed, w.err = true, errInterrupted
	w.err = w.session.Finish(w.request.Context())
	if w.err != nil {
		w.answer(w.onError)
		return w.err
	}
	w.session.SetHeaders(w.request.Header, (*headers)(w), w.request.TLS != nil)
	return nil
}

// headers are the headers of the response.
type headers responseWriter

var _ session.Headers = (*headers)(nil)

func (h *headers) Values(name string) []string { return h.Header().Values(name) }
func (h *headers) Set(name, value string)      { h.Header().Set(name, value) }
func (h *headers) Del(name string)             { h.Header().Del(name) }

func (h *headers) Add(name, value string) {
	header := h.Header()
	if name == "Vary" && len(header["Vary"]) == 0 {
		h.vary[0] = value
		header["Vary"] = h.vary[:]
		return
	}
	header.Add(name, value)
}

// answer answers in the handler's place. It drops the handler's headers, because they do not belong
// to this response. It frees the session first, so that other requests do not wait for this
// response.
func (w *responseWriter) answer(onError func(http.ResponseWriter, *http.Request, error)) {
	w.session.Rollback(w.request.Context())
	header := w.Header()
	clear(header)
	maps.Copy(header, w.before)
	w.manager.Adapter().Vary(header)
	onError(w.ResponseWriter, w.request, w.err)
	w.answered = true
}

// WriteHeader commits, but not for an informational response: that comes before the handler is done.
func (w *responseWriter) WriteHeader(status int) {
	informational := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if informational || w.commit() == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *responseWriter) Write(b []byte) (int, error) {
	if err := w.commit(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

func (w *responseWriter) WriteString(s string) (int, error) {
	if err := w.commit(); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets the server use sendfile.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if err := w.commit(); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, r)
}

func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is what [http.ResponseController] calls.
func (w *responseWriter) FlushError() error {
	if err := w.commit(); err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack commits first: a socket never holds a session. A cookie that only this commit makes is not
// sent, unless the handler writes the headers itself. So that is reported.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	sent := w.committed
	if err := w.commit(); err != nil {
		return nil, nil, err
	}
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && !sent {
		w.manager.Adapter().Hijacked(w.request.Context(), w.session)
	}
	return conn, buffered, err
}

// CloseNotify is for Gin's Stream, which panics without it.
func (w *responseWriter) CloseNotify() <-chan bool {
	gone := make(chan bool, 1)
	context.AfterFunc(w.request.Context(), func() { gone <- true })
	return gone
}

// Unwrap is for [http.ResponseController]. It gets deadlines and full duplex from the inner writer.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
