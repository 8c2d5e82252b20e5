package httpsession

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// responseWriter commits the session before the first byte of the response. Like
// any ResponseWriter it is not for concurrent use.
type responseWriter struct {
	http.ResponseWriter
	request *http.Request
	session *session.Session
	onError func(http.ResponseWriter, *http.Request, error)

	committed bool
	err       error // of the commit; the response is the error handler's then
}

var (
	_ http.Flusher  = (*responseWriter)(nil)
	_ http.Hijacker = (*responseWriter)(nil)
	_ io.ReaderFrom = (*responseWriter)(nil)
)

// commit commits the session once, and answers if that fails.
func (w *responseWriter) commit() error {
	if w.committed {
		return w.err
	}
	w.committed = true
	if w.err = w.session.Finish(w.request.Context()); w.err != nil {
		// What the handler said of its own body is not true of this one.
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Etag", "Last-Modified"} {
			w.Header().Del(name)
		}
		w.onError(w.ResponseWriter, w.request, w.err)
		return w.err
	}
	w.session.SetHeaders(w.request.Header, w.Header(), w.request.TLS != nil)
	return nil
}

// WriteHeader commits, but for informational responses, which go before the
// handler is done.
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

// ReadFrom keeps the way open for sendfile.
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

// Hijack commits first: a socket never holds a session.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.commit(); err != nil {
		return nil, nil, err
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap is for [http.ResponseController], which finds here what this type does
// not have: deadlines and full duplex.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
