package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const (
	// lookTime is how often a page's stream looks at the keys of its session.
	lookTime = 200 * time.Millisecond
	// aliveTime is how often a silent stream says that it is there.
	aliveTime = 15 * time.Second
)

// stream sends what happens to a page. The session is committed and let go of before the first byte.
// The stream ends with the page, with its session, and with the demo. The browser then opens another.
func (s *Stage) stream(w http.ResponseWriter, r *http.Request) { s.follow(w, r, httpsession.From(r)) }

// follow streams what happens to a session, or to none if it is nil.
func (s *Stage) follow(w http.ResponseWriter, r *http.Request, held *session.Session) {
	handle, over := "", context.Background()
	if held != nil && saved(held) {
		handle = held.Handle()
	}
	events, ends, stop := s.hub.listen(handle)
	defer stop()

	out := streamWriter{w: w, flush: http.NewResponseController(w).Flush}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprint(w, "retry: 300\n\n")
	out.send("hello", map[string]any{"handle": handle, "redis": s.Switch.On()})
	for _, e := range ends {
		out.sendEvent(e)
	}
	if handle != "" {
		watched, stop := held.Watch(r.Context())
		defer stop()
		over = watched
	}
	looks := time.NewTicker(lookTime)
	defer looks.Stop()
	last := look{}
	for out.err == nil {
		select {
		case e := <-events:
			out.sendEvent(e)
		case <-looks.C:
			last = s.look(r.Context(), handle, last, &out)
		case <-over.Done():
			s.part(r.Context(), handle, context.Cause(over), last, &out)
			return
		case <-r.Context().Done():
			return
		case <-s.hub.closed:
			return
		}
	}
}

// look is what a stream last saw of the keys.
type look struct {
	at   time.Time
	keys []keyView
}

// look sends the keys of the session, if they have changed.
func (s *Stage) look(ctx context.Context, handle string, last look, out *streamWriter) look {
	now := time.Now()
	if now.Sub(out.sent) > aliveTime {
		out.alive()
	}
	if handle == "" || !s.Switch.On() {
		return last
	}
	keys, err := s.keys(ctx, handle)
	if err != nil || last.keys != nil && same(last.keys, keys, now.Sub(last.at)) {
		return last
	}
	seen := look{at: now, keys: keys}
	if len(keys) > 0 {
		keys = s.decoded(ctx, handle, keys)
	}
	out.send("keys", keys)
	return seen
}

// part tells the page why its session is over.
func (s *Stage) part(ctx context.Context, handle string, why error, last look, out *streamWriter) {
	reason := ""
	var ended *session.EndedError
	if errors.As(why, &ended) {
		reason = string(ended.Reason)
	}
	_ = s.look(ctx, handle, last, out)
	out.send("over", map[string]string{"handle": handle, "reason": reason})
}

// streamWriter writes server-sent events, until one fails.
type streamWriter struct {
	w     http.ResponseWriter
	flush func() error
	sent  time.Time
	err   error
}

func (o *streamWriter) send(name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		o.err = err
		return
	}
	o.sendEvent(event{name, text})
}

func (o *streamWriter) sendEvent(e event) {
	o.write(fmt.Sprintf("event: %s\ndata: %s\n\n", e.name, e.data))
}

func (o *streamWriter) alive() { o.write(":\n\n") }

func (o *streamWriter) write(text string) {
	if o.err != nil {
		return
	}
	if _, o.err = o.w.Write([]byte(text)); o.err == nil {
		o.err = o.flush()
	}
	o.sent = time.Now()
}
