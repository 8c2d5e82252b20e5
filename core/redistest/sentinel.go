package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	masterName = "redistest"
	// Retried when a failover did not come about, after twice that.
	failoverTimeout = 3 * time.Second
	// A sentinel tells the others of itself on this period. A node that calls
	// itself a master though it is not the one is made a replica after four
	// periods. During a failover these must not pass before all sentinels know of
	// it: else they undo it.
	helloInFailover = 750 * time.Millisecond
	helloOtherwise  = 100 * time.Millisecond
	infoPeriod      = 300 * time.Millisecond
	// A replica that has not told of itself for five of these is not promoted,
	// and during a failover it is asked only once a second.
	pingPeriod = 500 * time.Millisecond
	// For this long a sentinel does nothing after it was itself kept waiting.
	tiltPeriod = 500 * time.Millisecond
)

// SentinelOptions says how to start a master with its sentinels. The zero value is
// one master, two replicas and three sentinels.
type SentinelOptions struct {
	// Replicas is how many the master has. Defaults to 2.
	Replicas int
	// Sentinels is how many watch. A majority of them has to agree on all they
	// do. Defaults to 3.
	Sentinels int
	// FailAfter is how long the master must be silent before the sentinels
	// replace it, in whole milliseconds. It takes them another second to have a new
	// master, and one or two more until all other nodes follow that. Much less
	// than a second, and they also replace a master that a busy machine only
	// kept waiting. Defaults to 1 s.
	FailAfter time.Duration
	// Password is demanded by the sentinels. Defaults to none.
	Password string
	// Node is what the master and the replicas are started with; its Path and
	// TLS hold for the sentinels too. Dir, Port and UnixSocket must not be set.
	Node Options
}

// Sentinel is a master, its replicas and the sentinels that watch them, on
// 127.0.0.1. Its methods may be called by several goroutines. For the life of its
// processes, what is said at [Server] holds.
type Sentinel struct {
	fleet     *fleet
	nodes     []*Server
	sentinels []*Server
}

// StartSentinel starts all servers and returns when they are ready, in the
// sense of [Sentinel.WaitReady]. It needs Redis 7 or Valkey. ctx bounds the wait
// (30 s at most for each of the three steps, nodes, sentinels and their
// agreement). An error holds the end of the servers' logs.
func StartSentinel(ctx context.Context, o SentinelOptions) (*Sentinel, error) {
	if o.Replicas == 0 {
		o.Replicas = 2
	}
	if o.Sentinels == 0 {
		o.Sentinels = 3
	}
	if o.FailAfter == 0 {
		o.FailAfter = time.Second
	}
	if o.Replicas < 0 || o.Sentinels < 0 || o.FailAfter < time.Millisecond {
		return nil, errors.New("redistest: SentinelOptions: Replicas, Sentinels and FailAfter must be positive")
	}
	f, err := newFleet(o.Node)
	if err != nil {
		return nil, err
	}
	s := &Sentinel{fleet: f}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return s, nil
}

func (s *Sentinel) start(ctx context.Context, o SentinelOptions) (err error) {
	if s.nodes, err = s.fleet.start(ctx, 1+o.Replicas, s.fleet.common); err != nil {
		return err
	}
	master, replicas := s.nodes[0], s.nodes[1:]
	for _, r := range replicas {
		// Not by an argument, which would still name this master after a Restart.
		if _, err := r.ask(ctx, "REPLICAOF", loopback, strconv.Itoa(master.Port())); err != nil {
			return explain(s.nodes, fmt.Errorf("redistest: %w", err))
		}
	}
	common := s.fleet.common
	watch := config{
		Options:  Options{Path: common.Path, Password: o.Password, TLS: common.TLS},
		pickPort: freePort,
		login:    login{password: o.Password},
		certs:    common.certs,
		sentinel: sentinelConfig(o, master.Port(), common.login),
	}
	if s.sentinels, err = s.fleet.start(ctx, o.Sentinels, watch); err != nil {
		return err
	}
	return s.WaitReady(ctx)
}

// sentinelConfig is the file that a sentinel starts with, and later writes what
// it has learnt to.
func sentinelConfig(o SentinelOptions, port int, l login) string {
	var b strings.Builder
	set := func(format string, args ...any) { fmt.Fprintf(&b, "sentinel "+format+"\n", args...) }
	set("monitor %s %s %d %d", masterName, loopback, port, o.Sentinels/2+1)
	set("down-after-milliseconds %s %s", masterName, millis(o.FailAfter))
	set("failover-timeout %s %s", masterName, millis(failoverTimeout))
	set("parallel-syncs %s %d", masterName, o.Replicas)
	if l.password != "" {
		set("auth-pass %s %s", masterName, quote(l.password))
		if l.user != "" {
			set("auth-user %s %s", masterName, l.user)
		}
	}
	return b.String()
}

// quote writes a word as a configuration file has it.
func quote(word string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		if c := word[i]; c > ' ' && c < 0x7f && c != '"' && c != '\\' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// MasterName is what the sentinels call the master.
func (s *Sentinel) MasterName() string { return masterName }

// SentinelAddrs are the addresses of the sentinels.
func (s *Sentinel) SentinelAddrs() []string { return addrs(s.sentinels) }

// Sentinels are the sentinels, also those that are down.
func (s *Sentinel) Sentinels() []*Server { return slices.Clone(s.sentinels) }

// Nodes are the master and the replicas, also those that are down. Their Kill,
// Pause, Resume and Restart make faults. One that is restarted calls itself a
// master, and has no keys unless Args turned persistence on, until the sentinels make
// it a replica, which takes them some seconds.
func (s *Sentinel) Nodes() []*Server { return slices.Clone(s.nodes) }

// Stop ends all servers, whatever became of them, and removes their files. A
// second call does nothing.
func (s *Sentinel) Stop() error { return s.fleet.stop() }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
