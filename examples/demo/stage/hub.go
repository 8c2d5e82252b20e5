package stage

import (
	"encoding/json"
	"sync"
)

// kept is how many ends a page that opens later is told of.
const kept = 6

// event is something that pages are told.
type event struct {
	name string
	data []byte // JSON
}

// hub hands events to the pages that are open. A page that reads too slowly misses some.
type hub struct {
	mu     sync.Mutex
	pages  map[chan event]string // the handle of the page's session
	ends   []event               // the latest, oldest first
	closed chan struct{}
	close  func()
}

func newHub() *hub {
	h := &hub{pages: map[chan event]string{}, closed: make(chan struct{})}
	h.close = sync.OnceFunc(func() { close(h.closed) })
	return h
}

// listen returns a channel of events of the session with that handle, and of those that are for everybody, and
// the latest ends.
func (h *hub) listen(handle string) (events chan event, ends []event, stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	events = make(chan event, 64)
	h.pages[events] = handle
	return events, append([]event(nil), h.ends...), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.pages, events)
	}
}

// tell tells pages of the session with that handle; "" is everybody.
func (h *hub) tell(handle, name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return
	}
	e := event{name, text}
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == "end" {
		h.ends = append(h.ends, e)
		h.ends = h.ends[max(0, len(h.ends)-kept):]
	}
	for events, of := range h.pages {
		if handle != "" && of != handle {
			continue
		}
		select {
		case events <- e:
		default:
		}
	}
}
