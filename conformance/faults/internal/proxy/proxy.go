// Package proxy stands between a server process and Redis, and makes faults. It knows exchanges, a
// request with its reply, and not what they say.
//
// Toxiproxy has most of these faults, but not the two that matter most here: a call that goes on to the
// server long after its client has given up, and a fault that hits one exchange in so many, drawn from a
// seed.
package proxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// Kind is a kind of fault.
type Kind int

// The faults of an exchange.
const (
	None      Kind = iota
	Cut            // the request is lost, and the connection breaks
	LoseReply      // the server executes the request, and the connection breaks
	Half           // the connection breaks in the middle of the reply
	Delay          // the reply comes late
	Late           // the request reaches the server when the client has given up
	BlackHole      // nothing comes back, and the connection stays open
	kinds
)

func (k Kind) String() string {
	return [...]string{"none", "cut", "lost reply", "half a reply", "delay", "late call", "black hole"}[k]
}

// Programme says how often which fault happens.
type Programme struct {
	Rate     float64       // of all exchanges, how many have a fault: 0 to 1
	Weights  [kinds]int    // how often each kind, beside the others
	Patience time.Duration // after which the client gives up; delays are one to three times as long
}

// Fault is one that happened.
type Fault struct {
	Kind     Kind
	At, Till int64 // wire.Now; Till is when its late effects were over
}

// Proxy is one listener with all its connections.
type Proxy struct {
	listener net.Listener
	upstream func() string

	mu        sync.Mutex
	rng       *rand.Rand
	programme Programme
	on        bool
	closed    bool
	conns     map[net.Conn]bool
	faults    []Fault
	exchanges int
	going     sync.WaitGroup
	late      sync.WaitGroup // requests that are held back
}

// Start starts a proxy to the address that upstream returns. Close ends it, with all its goroutines.
func Start(upstream func() string, programme Programme, seed uint64) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{listener: l, upstream: upstream, programme: programme, rng: rand.New(rand.NewPCG(seed, 1)), conns: map[net.Conn]bool{}}
	p.going.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Make turns faults on or off. Those that have begun go on.
func (p *Proxy) Make(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = on
}

// AwaitLate waits until the server has got all requests that were held back. Turn faults off before.
func (p *Proxy) AwaitLate() { p.late.Wait() }

// Faults returns the faults so far, and the number of exchanges.
func (p *Proxy) Faults() ([]Fault, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Fault(nil), p.faults...), p.exchanges
}

// CutAll breaks all connections.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Close ends the proxy, and waits for its goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.CutAll()
	p.going.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // Close
		}
		if !p.keep(client) {
			return
		}
		p.going.Go(func() { p.serve(client) })
	}
}

// keep notes a connection, so that Close ends it. It is false if Close has been called.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// draw decides what happens to an exchange, and for how long.
func (p *Proxy) draw() (Kind, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exchanges++
	if !p.on || p.rng.Float64() >= p.programme.Rate {
		return None, 0
	}
	sum := 0
	for _, w := range p.programme.Weights {
		sum += w
	}
	if sum == 0 {
		return None, 0
	}
	n := p.rng.IntN(sum)
	kind := None
	for k, w := range p.programme.Weights {
		if n < w {
			kind = Kind(k)
			break
		}
		n -= w
	}
	if kind == Late {
		p.late.Add(1)
	}
	return kind, p.programme.Patience + time.Duration(p.rng.Int64N(int64(2*p.programme.Patience)))
}

func (p *Proxy) happened(kind Kind, at int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, Fault{kind, at, wire.Now()})
}

// link is a client's connection, and that to Redis which belongs to it.
type link struct {
	p              *Proxy
	client, server net.Conn

	mu   sync.Mutex
	next Kind          // what happens to the reply that comes next
	wait time.Duration // how long it takes
	at   int64
	gone chan struct{} // closed with the client's connection
	once sync.Once
}

func (p *Proxy) serve(client net.Conn) {
	defer p.drop(client)
	server, err := net.DialTimeout("tcp", p.upstream(), 5*time.Second)
	if err != nil || !p.keep(server) {
		return
	}
	l := &link{p: p, client: client, server: server, gone: make(chan struct{})}
	p.going.Go(l.replies)
	l.requests()
}

func (l *link) clientGone() { l.once.Do(func() { close(l.gone) }) }

// requests carries what the client sends. It ends with either connection.
func (l *link) requests() {
	defer l.clientGone()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			// A reply that is on its way is lost. A server that is cut off executes what it has.
			_ = l.server.Close()
			return
		}
		kind, wait := l.p.draw()
		at := wire.Now()
		switch kind {
		case Cut:
			_ = l.server.Close()
			l.p.happened(kind, at)
			return
		case Late:
			l.late(append([]byte(nil), buffer[:n]...), wait, at)
			return
		case LoseReply, Half, Delay, BlackHole:
			l.mu.Lock()
			l.next, l.wait, l.at = kind, wait, at
			l.mu.Unlock()
		}
		if _, err := l.server.Write(buffer[:n]); err != nil {
			_ = l.server.Close()
			return
		}
	}
}

// late holds a request back. The client gives up, closes its connection and goes on, and then the
// request reaches the server.
func (l *link) late(request []byte, wait time.Duration, at int64) {
	defer l.p.late.Done()
	l.mu.Lock()
	l.next = kinds // the reply goes nowhere
	l.mu.Unlock()
	pause(wait, nil)
	l.p.mu.Lock()
	closed := l.p.closed
	l.p.mu.Unlock()
	if !closed {
		_, _ = l.server.Write(request)
		// Whoever closes at once may have Redis drop what it has not read yet.
		pause(50*time.Millisecond, nil)
	}
	_ = l.server.Close()
	l.p.happened(Late, at)
}

// replies carries what the server sends. It ends with the server's connection.
func (l *link) replies() {
	defer l.p.drop(l.server)
	defer l.client.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if n > 0 && !l.pass(buffer[:n]) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass carries a reply. It is false if the connection breaks.
func (l *link) pass(reply []byte) bool {
	l.mu.Lock()
	kind, wait, at := l.next, l.wait, l.at
	l.next = None
	l.mu.Unlock()
	switch kind {
	case kinds:
		return false
	case LoseReply:
		l.p.happened(kind, at)
		return false
	case Half:
		_, _ = l.client.Write(reply[:len(reply)/2])
		l.p.happened(kind, at)
		return false
	case Delay:
		pause(wait, l.gone)
		l.p.happened(kind, at)
	case BlackHole:
		pause(2*wait, l.gone)
		l.p.happened(kind, at)
		return false
	}
	_, err := l.client.Write(reply)
	return err == nil || errors.Is(err, net.ErrClosed)
}

func pause(d time.Duration, gone <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-gone:
	}
}
