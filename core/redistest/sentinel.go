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
	// If a failover did not happen, it is retried after twice this time.
	failoverTimeout = 3 * time.Second
	// A sentinel tells the others of itself once in this period. If a node calls itself a master
	// and is not the master, the sentinels make it a replica after four periods. In a failover, all
	// sentinels must know of it before four periods have passed: else they undo it.
	helloInFailover = 750 * time.Millisecond
	helloOtherwise  = 100 * time.Millisecond
	infoPeriod      = 300 * time.Millisecond
	// A replica that has been silent for five of these periods is not promoted. During a failover,
	// sentinels ask it only once a second.
	pingPeriod = 500 * time.Millisecond
	// A sentinel that was itself kept waiting does nothing for this long.
	tiltPeriod = 500 * time.Millisecond
)

// SentinelOptions says how to start a master with its sentinels. The zero value is
// one master, two replicas and three sentinels.
type SentinelOptions struct {
	// Replicas is how many replicas the master has. Defaults to 2.
	Replicas int
	// Sentinels is how many sentinels watch. A majority must agree on each action. Defaults to 3.
	Sentinels int
	// FailAfter is how long the master must be silent before the sentinels replace it, in whole
	// milliseconds. After another second there is a new master. After one or two more, all other
	// nodes follow it. If FailAfter is much less than a second, the sentinels also replace a master
	// that a busy machine only kept waiting. Defaults to 1 s.
	FailAfter time.Duration
	// Password is the password of the sentinels. Defaults to none.
	Password string
	// Node has the options of the master and the replicas. Its Path and TLS hold for the sentinels
	// too. Do not set Dir, Port and UnixSocket.
	Node Options
}

// Sentinel is a master, its replicas and the sentinels that watch them, on 127.0.0.1. Several
// goroutines may call its methods. Its processes live as long as [Server] says.
type Sentinel struct {
	fleet     *fleet
	nodes     []*Server
	sentinels []*Server
}

// StartSentinel starts all servers and returns when they are ready, as [Sentinel.WaitReady] means
// it. It needs Redis 6 or Valkey. Sentinels of Redis 6 cannot be told to look more often: there, all takes
// ten seconds or more. ctx limits the wait. Each of the three steps, nodes, sentinels and their
// agreement, takes 30 s at most. An error holds the end of the servers' logs.
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
		// Not by an argument: that would still name this master after a Restart.
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

// sentinelConfig is the file with which a sentinel starts. Later the sentinel writes into it what
// it has learnt.
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

// quote quotes a word for a configuration file.
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

// Nodes are the master and the replicas, also those that are down. Call their Kill, Pause, Resume
// and Restart to make faults. A node that was restarted calls itself a master, and has no keys
// unless Args turned persistence on. After some seconds, the sentinels make it a replica.
func (s *Sentinel) Nodes() []*Server { return slices.Clone(s.nodes) }

// Stop ends all servers, also paused ones, and removes their files. A second call does nothing.
func (s *Sentinel) Stop() error { return s.fleet.stop() }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
