package moving

import (
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// uncached is the writer of a response with a cookie: no cache may keep it, whatever the handler says.
type uncached struct {
	http.ResponseWriter
	manager *session.Manager
}

// noStore says so in the headers. It changes nothing once they are sent.
func (w *uncached) noStore() { w.manager.Adapter().Refuse(w.Header()) }

func (w *uncached) WriteHeader(status int) {
	w.noStore()
	w.ResponseWriter.WriteHeader(status)
}

func (w *uncached) Write(b []byte) (int, error) {
	w.noStore()
	return w.ResponseWriter.Write(b)
}

// FlushError is what [http.ResponseController] calls.
func (w *uncached) FlushError() error {
	w.noStore()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (w *uncached) Unwrap() http.ResponseWriter { return w.ResponseWriter }
