package watch

import (
	"container/heap"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

const (
	// A round looks at all sessions. It begins 4 s after the last one, or up to spread earlier, so that
	// processes that were started together do not all look at the same moment.
	every  = 4 * time.Second
	spread = time.Second
	// patience is how long the sessions of a round wait for others that have become due meanwhile.
	patience = 2 * time.Second
	// chunk is how many sessions are looked at in one pipeline.
	chunk = 256
	// late is how long after its last moment a session is looked at.
	late = time.Millisecond
)

// look looks at what is due, until the tasks end. While nobody watches, it waits without a timer.
func (all *Watches) look() {
	ctx := all.Tasks.Context()
	for {
		d := all.take(time.Now())
		if len(d.handles) > 0 && ctx.Err() == nil {
			all.lookAt(ctx, d)
			continue
		}
		var timer *time.Timer
		var rang <-chan time.Time
		if d.watched {
			timer = time.NewTimer(d.wait)
			rang = timer.C
		}
		select {
		case <-rang:
		case <-all.kick:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			all.close()
			return
		}
	}
}

// due is what to do next.
type due struct {
	handles []string      // to look at now, a chunk at most
	turn    uint64        // the number of this look
	last    bool          // it ends a round
	watched bool          // somebody watches something
	wait    time.Duration // until the next look
}

// schedule has a session looked at before the next round.
func (all *Watches) schedule(handle string, s *session, at time.Time) {
	s.due = at
	heap.Push(&all.agenda, appointment{at, handle})
}

// take takes the sessions that are due: those that are on the agenda, or the next ones of the round,
// whichever have been due for longer. So nobody who was told of an end waits for a whole round of slow
// looks, and no storm of messages keeps the round from going on.
func (all *Watches) take(now time.Time) due {
	all.mu.Lock()
	defer all.mu.Unlock()
	var d due
	wait := time.Duration(math.MaxInt64)
	waits := all.went.Add(patience)
	if len(all.queue) == 0 {
		waits = all.round
	}
	for len(all.agenda) > 0 && len(d.handles) < chunk {
		first := all.agenda[0]
		if len(d.handles) == 0 && waits.Before(first.at) && waits.Before(now) {
			break
		}
		s := all.sessions[first.handle]
		if s != nil && s.due.Equal(first.at) {
			if now.Before(first.at) {
				wait = first.at.Sub(now)
				break
			}
			s.due = time.Time{}
			d.handles = append(d.handles, first.handle)
		}
		heap.Pop(&all.agenda)
	}
	if len(d.handles) == 0 {
		d.handles, d.last = all.takeOfRound(now)
	}
	if len(d.handles) > 0 {
		all.turn++
	}
	d.turn, d.watched, d.wait = all.turn, len(all.sessions) > 0, min(wait, all.round.Sub(now))
	return d
}

// takeOfRound takes the next sessions of the round, or of a new one if that is due. It tells whether they
// are the last.
func (all *Watches) takeOfRound(now time.Time) (handles []string, last bool) {
	all.went = now
	if len(all.queue) == 0 {
		if now.Before(all.round) {
			return nil, false
		}
		all.round, all.sound = now.Add(every-rand.N(spread)), true //nolint:gosec // no secret depends on it
		all.queue = slices.Collect(maps.Keys(all.sessions))
	}
	for len(all.queue) > 0 && len(handles) < chunk {
		if s := all.sessions[all.queue[0]]; s != nil { // it is watched still
			s.due = time.Time{}
			handles = append(handles, all.queue[0])
		}
		all.queue = all.queue[1:]
	}
	return handles, len(all.queue) == 0
}

// lookAt looks at sessions, and tells their watchers.
func (all *Watches) lookAt(ctx context.Context, d due) {
	var failed error
	for i, o := range all.observe(ctx, d.handles) {
		if o.Err != nil && !store.Unreadable(o.Err) {
			failed = o.Err
			continue
		}
		all.tell(d.handles[i], d.turn, o)
	}
	if ctx.Err() == nil {
		all.note(failed, d.last)
	}
}

// observe looks again at once where a connection turns out to be dead, for as many as may be dead.
func (all *Watches) observe(ctx context.Context, handles []string) []store.Observed {
	found := all.Store.Observe(ctx, handles)
	all.OnLook(len(handles))
	for spare := all.Idle() + 1; spare > 0; spare-- {
		var dead []int
		var again []string
		for i, o := range found {
			if retry.Broken(o.Err) {
				dead, again = append(dead, i), append(again, handles[i])
			}
		}
		if len(dead) == 0 {
			break
		}
		for i, o := range all.Store.Observe(ctx, again) {
			found[dead[i]] = o
		}
		all.OnLook(len(again))
	}
	return found
}

// tell ends the watches of a session that a look has decided.
func (all *Watches) tell(handle string, turn uint64, o store.Observed) {
	forged := o.Err
	if o.Err == nil && o.Status == store.Done {
		forged = all.Genuine(handle, o)
	}
	decided := all.decided(handle, turn, o, forged)
	if forged != nil && len(decided) > 0 {
		all.report(forged)
	}
	for w, over := range decided {
		w.over(over)
	}
}

// decided removes the watches of a session that are over, and returns why.
func (all *Watches) decided(handle string, turn uint64, o store.Observed, forged error) map[*Watch]Over {
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.sessions[handle]
	if s == nil {
		return nil
	}
	now := time.Now()
	if o.Status == store.Done && forged == nil {
		s.born, s.until = o.Meta.Born(), now.Add(o.Left)
		if again := s.until.Add(late); again.Before(all.round) && (s.due.IsZero() || again.Before(s.due)) {
			all.schedule(handle, s, again)
		}
	}
	var decided map[*Watch]Over
	for w := range s.watches {
		if w.held || w.from >= turn {
			continue
		}
		over := Over{Err: forged}
		if forged == nil {
			over = w.compare(s, o, now)
		}
		if over == (Over{}) {
			continue
		}
		if decided == nil {
			decided = make(map[*Watch]Over)
		}
		decided[w] = over
	}
	for w := range decided {
		all.remove(w)
	}
	return decided
}

// compare returns why a watch is over, nothing if it is not. It learns a baseline that is not known.
func (w *Watch) compare(s *session, o store.Observed, now time.Time) Over {
	switch {
	case o.Status == store.Retired && o.Reason == "":
		return Over{Reason: Gone}
	case o.Status == store.Retired:
		return Over{Reason: o.Reason}
	case o.Status != store.Done && !w.known:
		return Over{Err: ErrUnknown}
	case o.Status != store.Done:
		return Over{Reason: w.all.lapsed(s, now)}
	case !w.known:
		w.known, w.base = true, Baseline{Proof: o.Proof, Principal: o.Meta.Principal}
	case o.Meta.Principal != w.base.Principal:
		return Over{Reason: User}
	case o.Proof != w.base.Proof:
		return Over{Reason: Rotated}
	}
	return Over{}
}

// lapsed is why a session is gone of which Redis has nothing left. The time of the longest life is of
// Redis's clock, so a second is nothing.
func (all *Watches) lapsed(s *session, now time.Time) string {
	switch lifetime := all.Store.Lifetime; {
	case lifetime > 0 && !now.Before(s.born.Add(lifetime-time.Second)):
		return Outlived
	case now.Before(s.until):
		return Gone
	}
	return Expired
}

// note reports the first look that fails, until a whole round succeeds.
func (all *Watches) note(failed error, last bool) {
	all.mu.Lock()
	first := failed != nil && !all.failing
	all.sound = all.sound && failed == nil
	all.failing = failed != nil || all.failing && !(last && all.sound)
	all.mu.Unlock()
	if first {
		all.report(failed)
	}
}

// report reports beside the looks, so that whoever hears of it may end the tasks.
func (all *Watches) report(err error) {
	all.Tasks.Go(func(context.Context) error { return err }, all.OnFailed)
}

// close ends all watches, as the tasks have ended.
func (all *Watches) close() {
	all.mu.Lock()
	var open []*Watch
	for _, s := range all.sessions {
		for w := range s.watches {
			open = append(open, w)
		}
	}
	clear(all.sessions)
	all.mu.Unlock()
	for _, w := range open {
		w.over(Over{Err: tasks.ErrClosed})
	}
}
