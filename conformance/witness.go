package conformance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
)

// witness is for a test that searches all that berth says for the secrets of the suite's sessions. Several
// goroutines call its functions. The suite works the same without one.
type witness struct {
	issued func(id string) // gets every ID that a client has got or sent
	said   io.Writer       // gets every line of every log, and every error
}

// An ID in a header: alone, or among other things, as in Set-Cookie.
var anID = regexp.MustCompile(`[a-z2-7]{26}\.[a-z2-7]{26}`)

// saw tells the witness of the headers of a request or a response. The witness may be nil.
func (w *witness) saw(h http.Header) {
	if w == nil {
		return
	}
	for _, values := range h {
		for _, value := range values {
			for _, id := range anID.FindAllString(value, -1) {
				w.issued(id)
			}
		}
	}
}

// logger adds the witness to a log. It hears of what the log leaves out, too.
func (w *witness) logger(h slog.Handler) *slog.Logger {
	if w != nil {
		h = slog.NewMultiHandler(h, slog.NewTextHandler(w.said, &slog.HandlerOptions{Level: slog.LevelDebug - 1, AddSource: true}))
	}
	return slog.New(h)
}

// onError adds the witness to a hook. It sees of an error all that can be printed.
func (w *witness) onError(hook func(context.Context, error)) func(context.Context, error) {
	if w == nil {
		return hook
	}
	return func(ctx context.Context, err error) {
		fmt.Fprintf(w.said, "error: %v\n%+v\n%#v\n", err, err, err)
		hook(ctx, err)
	}
}
