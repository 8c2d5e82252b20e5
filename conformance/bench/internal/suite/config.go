// Package suite measures: it starts a redis-server and all targets, and has each in turn
// do the same work, round after round.
package suite

import (
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
)

// Config is how much is measured.
type Config struct {
	// Rounds is how often each target has its turn.
	Rounds int
	// GrowthRounds is the same for growth, which has many points.
	GrowthRounds int
	// Window is how long a turn takes, after a warm-up.
	Window, Warm time.Duration
	// Clients is how many there are at a time, each with a session of its own.
	Clients int
	// Pool is how many connections to Redis each target may have.
	Pool int
	// SignIns is how many sessions each client has to sign in with, in a turn. When one client
	// has used all of its own, the turn ends. Counting round trips takes 20.
	SignIns int
	// Hot is how many clients share the hot session.
	Hot figure.HotClients
	// GrowClients, GrowFields and GrowSessions are the sizes to measure.
	GrowClients, GrowFields, GrowSessions []int
	// MemorySessions is how many sessions are made to see what one takes.
	MemorySessions int
	// BigFields is how many fields of 4 KiB the big session has.
	BigFields int
	// Log hears what is being done.
	Log func(format string, args ...any)
}

// Full takes some minutes.
func Full() Config {
	return Config{
		Rounds: 5, GrowthRounds: 3, Window: 700 * time.Millisecond, Warm: 150 * time.Millisecond,
		Clients: 16, Pool: 64, SignIns: 512, Hot: figure.HotClients{InProcess: 32, Processes: 4, PerProcess: 8},
		GrowClients: []int{1, 4, 16, 64, 256}, GrowFields: []int{1, 10, 100, 1000},
		GrowSessions: []int{1_000, 10_000, 100_000, 1_000_000}, MemorySessions: 4096, BigFields: 256,
	}
}

// Quick takes two minutes, and shows little more than that all works.
func Quick() Config {
	c := Full()
	c.Rounds, c.GrowthRounds = 3, 1
	c.Window, c.Warm = 150*time.Millisecond, 50*time.Millisecond
	c.SignIns = 128
	c.GrowSessions = []int{1_000, 10_000, 100_000}
	return c
}
