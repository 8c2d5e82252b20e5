package watch

import (
	"errors"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// Why a watch is over, beside the reasons for which somebody ends a session.
const (
	Expired  = "expired"  // nobody used the session for its timeout
	Outlived = "lifetime" // it has reached its longest life
	Gone     = "unknown"  // it is gone before its time, and Redis does not know why
	Rotated  = "rotated"  // the same user has another ID
	User     = "user"     // the user signed in or out, or another one did
)

// ErrUnknown says that there was no such session when its watch began.
var ErrUnknown = errors.New("no such session")

// Over is why a watch is over: a reason, or an error. The errors are [ErrUnknown], [tasks.ErrClosed],
// [store.ErrFormat] and those of Genuine.
type Over struct {
	Reason string
	Err    error
}

// Baseline is what is true of a session when its watch begins.
type Baseline struct {
	Proof     string
	Principal string
	Born      time.Time // when its longest life began
	Until     time.Time // when it expires, unless it is used
}

// Watches are all watches of one process. The first one starts two goroutines, which end with Tasks.
// They are safe for concurrent use.
type Watches struct {
	Store    *store.Store
	Tasks    *tasks.Tasks
	Idle     func() int                                  // how many connections of the client are idle now
	Genuine  func(handle string, o store.Observed) error // the error of a session that was forged
	OnWatch  func()                                      // a watch begins
	OnLook   func(sessions int)                          // a pipeline was sent
	OnFailed func(err error)                             // a look has failed; not called again until one succeeds

	mu        sync.Mutex
	started   bool
	turn      uint64 // counts looks
	sessions  map[string]*session
	agenda    agenda        // which of them are due before the next round
	queue     []string      // what is left of this round
	round     time.Time     // when the next round is due, a look at all sessions
	went      time.Time     // when this round last went on
	sound     bool          // no look of this round has failed
	kick      chan struct{} // there is something new to do
	confirmed bool          // the server has confirmed a subscription
	failing   bool          // the last look has failed
}

// session is a session that is watched.
type session struct {
	watches map[*Watch]struct{}
	due     time.Time // when to look before the next round; zero for not
	born    time.Time
	until   time.Time // when it expires, as far as this process knows
}

// Watch is one watch of one session.
type Watch struct {
	all    *Watches
	handle string
	over   func(Over)

	// mu of all guards these.
	known bool // baseline is known
	base  Baseline
	held  bool
	from  uint64 // looks until this one say nothing: they may have begun before the baseline
}

// Add begins a watch. Without a baseline, the first look finds it. A held watch waits for [Watch.Free].
// Add calls over once, when the watch is over, unless [Watch.Stop] was called before. Over may be called
// before Add returns.
func (all *Watches) Add(handle string, base *Baseline, held bool, over func(Over)) *Watch {
	w := &Watch{all: all, handle: handle, over: over, held: held}
	all.OnWatch()
	if !all.add(w, base) {
		over(Over{Err: tasks.ErrClosed})
	}
	return w
}

// add returns false after the end of the tasks.
func (all *Watches) add(w *Watch, base *Baseline) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if !all.start() {
		return false
	}
	s := all.sessions[w.handle]
	if s == nil {
		s = &session{watches: make(map[*Watch]struct{})}
		all.sessions[w.handle] = s
	}
	s.watches[w] = struct{}{}
	w.begin(s, base)
	return true
}

// start starts the goroutines, unless they run. It returns false after the end of the tasks.
func (all *Watches) start() bool {
	if all.started {
		return !all.Tasks.Closed()
	}
	for _, run := range []func(){all.look, all.listen} {
		if !all.Tasks.Add() {
			return false
		}
		if all.sessions == nil {
			all.sessions, all.kick = make(map[string]*session), make(chan struct{}, 1)
		}
		go func() {
			defer all.Tasks.Done()
			run()
		}()
	}
	all.started = true
	return true
}

// begin compares with a baseline from the next look on, unless the watch is held. Nil keeps the baseline.
func (w *Watch) begin(s *session, base *Baseline) {
	if base != nil {
		w.known, w.base = true, *base
		if s.until.Before(base.Until) {
			s.until = base.Until
		}
		if s.born.Before(base.Born) {
			s.born = base.Born
		}
	}
	w.from = w.all.turn
	if !w.held {
		w.all.schedule(w.handle, s, time.Now())
		w.all.wake()
	}
}

// Handle is the session's.
func (w *Watch) Handle() string { return w.handle }

// Hold says that the watcher itself is about to change the session. Nothing is compared until
// [Watch.Free].
func (w *Watch) Hold() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.held = true
}

// Free says that the watcher's own change is done, and what is true after it. Nil keeps the baseline.
func (w *Watch) Free(base *Baseline) {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.held = false
	if s := w.all.sessions[w.handle]; s != nil {
		w.begin(s, base)
	}
}

// Stop ends the watch. To stop twice is harmless.
func (w *Watch) Stop() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	w.all.remove(w)
}

// remove tells whether the watch was there.
func (all *Watches) remove(w *Watch) bool {
	s := all.sessions[w.handle]
	if s == nil {
		return false
	}
	_, there := s.watches[w]
	if delete(s.watches, w); len(s.watches) == 0 {
		delete(all.sessions, w.handle)
	}
	return there
}

// wake makes the looker find out what is due.
func (all *Watches) wake() {
	select {
	case all.kick <- struct{}{}:
	default: // it will
	}
}
