package ginsession

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// writer is Gin's writer. Every method that sends bytes goes through the session's writer first.
// Methods that only note or return a status go to Gin's writer alone.
type writer struct {
	gin.ResponseWriter
	session http.ResponseWriter // commits, and then writes to Gin's writer
}

func (w *writer) Write(b []byte) (int, error) { return w.session.Write(b) }

func (w *writer) WriteString(s string) (int, error) { return io.WriteString(w.session, s) }

func (w *writer) WriteHeaderNow() {
	w.session.WriteHeader(w.Status())
	w.ResponseWriter.WriteHeaderNow()
}

func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is what [http.ResponseController] calls.
func (w *writer) FlushError() error { return http.NewResponseController(w.session).Flush() }

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.session).Hijack()
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.session }
