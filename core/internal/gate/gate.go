package gate

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrFull says that too many goroutines wait for the same key.
var ErrFull = errors.New("too many wait in this process for the same session")

// Gates is a set of gates, one for each key. The zero value is ready for use. It is safe for
// concurrent use.
type Gates struct {
	mu    sync.Mutex
	gates map[string]*gate
}

// gate is one goroutine inside, and the queue behind it.
type gate struct {
	queue []*Pass
	waits int    // 1 if the one inside waits too, for another process
	badge string // of the last one inside that had a badge, "" if none had
}

// Pass is the right to be inside a gate.
type Pass struct {
	gates   *Gates
	key     string
	granted chan struct{} // closed when the pass is granted; nil for TryEnter
	brief   bool          // its limit is 0: it is sent away once the one inside has a badge
	left    bool
	full    bool // Enter must return ErrFull; read it once granted is closed
}

// TryEnter enters the gate of key, or returns nil if somebody is inside.
func (g *Gates) TryEnter(key string) *Pass {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, taken := g.gates[key]; taken {
		return nil
	}
	if g.gates == nil {
		g.gates = make(map[string]*gate)
	}
	g.gates[key] = &gate{}
	return &Pass{gates: g, key: key}
}

// Enter waits until nobody else is inside the gate of key. It returns [ErrFull] at once if limit
// others wait already, and the context's cause if ctx ends first.
//
// The one inside may be a stranger, who must keep nobody out, until [Pass.Vouch] says that it belongs
// there. Until then, one more than limit may wait. If limit is 0, that one waits until Vouch, and then
// gets [ErrFull].
func (g *Gates) Enter(ctx context.Context, key string, limit int) (*Pass, error) {
	if p := g.TryEnter(key); p != nil {
		return p, nil
	}
	p, err := g.enqueue(key, limit)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.granted:
		if p.full {
			return nil, ErrFull
		}
		return p, nil
	case <-ctx.Done():
		p.Leave()
		return nil, context.Cause(ctx)
	}
}

func (g *Gates) enqueue(key string, limit int) (*Pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &Pass{gates: g, key: key, granted: make(chan struct{}), brief: limit == 0}
	inside, taken := g.gates[key]
	switch {
	case !taken: // the one inside has left since TryEnter
		g.gates[key] = &gate{}
		close(p.granted)
	case len(inside.queue)+inside.waits >= limit+inside.strangers():
		return nil, ErrFull
	default:
		inside.queue = append(inside.queue, p)
	}
	return p, nil
}

// strangers is 1 while the one inside may be a stranger.
func (g *gate) strangers() int {
	if g.badge == "" {
		return 1
	}
	return 0
}

// Vouch notes that the one inside belongs there, and the badge that shows it. Those that wait with a
// limit of 0 get [ErrFull].
func (p *Pass) Vouch(badge string) {
	p.gates.mu.Lock()
	defer p.gates.mu.Unlock()
	if p.left || badge == "" {
		return
	}
	inside := p.gates.gates[p.key]
	inside.badge = badge
	inside.queue = slices.DeleteFunc(inside.queue, func(waiting *Pass) bool {
		if waiting.brief {
			waiting.sendAway()
		}
		return waiting.brief
	})
}

// sendAway has Enter return [ErrFull] to one that was taken out of the queue.
func (p *Pass) sendAway() {
	p.left, p.full = true, true
	close(p.granted)
}

// Knows tells whether the gate of key has this badge.
func (g *Gates) Knows(key, badge string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	inside := g.gates[key]
	return badge != "" && inside != nil && inside.badge == badge
}

// Waits notes that the one inside waits too. From then on it counts as one that waits. If more than
// limit wait then, the last one in the queue gets [ErrFull].
func (p *Pass) Waits(limit int) {
	p.gates.mu.Lock()
	defer p.gates.mu.Unlock()
	if p.left {
		return
	}
	inside := p.gates.gates[p.key]
	inside.waits = 1
	if n := len(inside.queue); n > 0 && n+1 > limit {
		last := inside.queue[n-1]
		inside.queue = inside.queue[:n-1]
		last.sendAway()
	}
}

// Leave lets the next one in, or leaves the queue. A second Leave does nothing.
func (p *Pass) Leave() {
	g := p.gates
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	inside := g.gates[p.key]
	for i, waiting := range inside.queue {
		if waiting == p {
			inside.queue = append(inside.queue[:i], inside.queue[i+1:]...)
			return
		}
	}
	if len(inside.queue) == 0 {
		delete(g.gates, p.key)
		return
	}
	inside.waits = 0
	next := inside.queue[0]
	inside.queue[0] = nil
	inside.queue = inside.queue[1:]
	close(next.granted)
}
