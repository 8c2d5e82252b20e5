package moving

import "net/http"

// uncached is the writer of a response with a cookie: no cache may keep it, whatever the handler says.
type uncached struct{ http.ResponseWriter }

func (w *uncached) WriteHeader(status int) {
	w.Header().Set("Cache-Control", "no-store")
	w.ResponseWriter.WriteHeader(status)
}

func (w *uncached) Write(b []byte) (int, error) {
	w.Header().Set("Cache-Control", "no-store")
	return w.ResponseWriter.Write(b)
}

// FlushError is what [http.ResponseController] calls.
func (w *uncached) FlushError() error {
	w.Header().Set("Cache-Control", "no-store")
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (w *uncached) Unwrap() http.ResponseWriter { return w.ResponseWriter }
