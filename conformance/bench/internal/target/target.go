// Package target has the ways to keep sessions that are measured side by side: berth,
// its peers, and the floor. Each is a small web application, set up as its own
// documentation recommends, with four routes that do the same on all of them:
//
//	POST /fill?fields=F&size=S  puts n = 0 and F strings of S bytes, f0 … into the session
//	GET  /read                  reads n and f0
//	POST /change                reads n and puts n+1
//	POST /rotate?user=U         reads n and f0, and gives the session a new ID; with a user
//	                            that is not empty, the session is theirs from now on
//
// All answer with n and the length of f0. The handlers are written out for each,
// in the idiom of its library, because an abstraction over them would cost some of them
// more than others.
package target

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/wire"
)

// Kind is what a target is there for.
type Kind string

// The kinds of targets.
const (
	Berth Kind = "berth"
	Peer  Kind = "peer"
	// Floor does what no session library can do without, and nothing else.
	Floor Kind = "floor"
	// Empty is a server without sessions: what all targets under the same framework
	// have in common, the load generator included.
	Empty Kind = "empty"
)

// Framework is what a target runs under.
type Framework string

// The frameworks.
const (
	NetHTTP Framework = "net/http"
	Gin     Framework = "Gin"
	Fiber   Framework = "Fiber"
)

// Target is one way to keep sessions.
type Target struct {
	Name      string
	Framework Framework
	Kind      Kind
	// Locks is whether requests of one session take turns, so that no change is lost.
	Locks bool
	// Stores is whether what was put is there in the next request.
	Stores bool

	start func(env) (*application, error)
}

// The names by which goals and growth refer to targets.
const (
	NameBerth      = "berth"
	NameBerthGin   = "berth, Gin"
	NameBerthFiber = "berth, Fiber"
	NameSCS        = "scs"
	NameSCSSliding = "scs, sliding"
	NameSCSLocked  = "scs + redislock"
	NameGorilla    = "gorilla"
	NameGinContrib = "gin-contrib"
	NameFiber      = "fiber"
	NameGetSet     = "bare GET + SET"
	NameScripts    = "2 empty scripts"
)

var all = []Target{
	{Name: NameBerth, Framework: NetHTTP, Kind: Berth, Locks: true, Stores: true, start: startBerth},
	{Name: NameBerthGin, Framework: Gin, Kind: Berth, Locks: true, Stores: true, start: startBerthGin},
	{Name: NameBerthFiber, Framework: Fiber, Kind: Berth, Locks: true, Stores: true, start: startBerthFiber},
	{Name: NameSCS, Framework: NetHTTP, Kind: Peer, Stores: true, start: startSCS},
	{Name: NameSCSSliding, Framework: NetHTTP, Kind: Peer, Stores: true, start: startSCSSliding},
	{Name: NameSCSLocked, Framework: NetHTTP, Kind: Peer, Locks: true, Stores: true, start: startSCSLocked},
	{Name: NameGorilla, Framework: NetHTTP, Kind: Peer, Stores: true, start: startGorilla},
	{Name: NameGinContrib, Framework: Gin, Kind: Peer, Stores: true, start: startGinContrib},
	{Name: NameFiber, Framework: Fiber, Kind: Peer, Stores: true, start: startFiber},
	{Name: NameGetSet, Framework: NetHTTP, Kind: Floor, Stores: true, start: startGetSet},
	{Name: NameScripts, Framework: NetHTTP, Kind: Floor, start: startScripts},
	{Name: EmptyName(NetHTTP), Framework: NetHTTP, Kind: Empty, start: startEmpty},
	{Name: EmptyName(Gin), Framework: Gin, Kind: Empty, start: startEmptyGin},
	{Name: EmptyName(Fiber), Framework: Fiber, Kind: Empty, start: startEmptyFiber},
}

// BerthName is the name of berth under a framework.
func BerthName(f Framework) string {
	switch f {
	case Gin:
		return NameBerthGin
	case Fiber:
		return NameBerthFiber
	default:
		return NameBerth
	}
}

// EmptyName is the name of the server without sessions of a framework.
func EmptyName(f Framework) string { return "no session, " + string(f) }

// All returns the targets in the order of the tables.
func All() []Target { return slices.Clone(all) }

// Named returns the targets of these names, in their order. It panics if there is none
// of a name.
func Named(names ...string) []Target {
	var out []Target
	for _, name := range names {
		i := slices.IndexFunc(all, func(t Target) bool { return t.Name == name })
		if i < 0 {
			panic("target: there is none with the name " + name)
		}
		out = append(out, all[i])
	}
	return out
}

// Running is a target that serves requests.
type Running struct {
	Target
	// Addr is where, on loopback.
	Addr string
	// Wire counts what it sends to Redis.
	Wire *wire.Counter

	stop func()
}

// Start starts a target against the Redis at addr. Pool is the number of connections to
// it, for all the same.
func (t Target) Start(ctx context.Context, addr string, pool int) (*Running, error) {
	e := env{ctx: ctx, addr: addr, pool: pool, wire: &wire.Counter{}}
	app, err := t.start(e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	at, stop, err := app.serve()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return &Running{Target: t, Addr: at, Wire: e.wire, stop: stop}, nil
}

// Stop ends the server and closes its connections.
func (r *Running) Stop() { r.stop() }

// env is what a target is set up with.
type env struct {
	ctx  context.Context
	addr string
	pool int
	wire *wire.Counter
}

// client is for all who use go-redis.
func (e env) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: e.addr, PoolSize: e.pool, Dialer: e.wire.Dial, MaxRetries: -1, DialerRetries: 1,
	})
}
