package others

import (
	"io"
	"log"
	"log/slog"
	"net/http"
)

// Failures that the tests cause are not worth a line of their output.
var (
	quiet  = log.New(io.Discard, "", 0)
	silent = slog.New(slog.DiscardHandler)
)

// response is a request and its response, of net/http.
type response struct {
	http.ResponseWriter
	r *http.Request
}

// answer sends a page or its error.
func (w response) answer(text string, err error) {
	if err != nil {
		http.Error(w, "failed", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, text)
}

func (w response) stream(text string) error {
	if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, text)
	return err
}

func (w response) waitUntilGone() { <-w.r.Context().Done() }
