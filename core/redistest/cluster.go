package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ClusterOptions says how to start a cluster. The zero value is one of three
// masters without replicas.
type ClusterOptions struct {
	// Masters is how many nodes share the slots. Where masters are to be
	// replaced, three is the least: it takes a majority of them. Defaults to 3.
	Masters int
	// Replicas is how many each master has. Defaults to none.
	Replicas int
	// FailAfter is how long a node must be silent before the others replace it,
	// in whole milliseconds. It takes them one or two seconds more. Much less than a
	// second, and they also replace one that a busy machine only kept waiting.
	// Defaults to 1 s.
	FailAfter time.Duration
	// Node is what every node is started with. Dir, Port and UnixSocket must not
	// be set.
	Node Options
}

// Cluster is a Redis Cluster on 127.0.0.1. Its methods may be called by several
// goroutines. For the life of its processes, what is said at [Server] holds.
type Cluster struct {
	fleet *fleet
	nodes []*Server
}

// StartCluster starts a cluster and returns when it is ready, in the sense of
// [Cluster.WaitReady]. That takes a little more than two seconds: Redis lets no
// node accept writes sooner. It needs Redis 7 or Valkey. ctx bounds the wait (30 s
// at most for each of the two steps, processes and cluster). An error holds the
// end of the nodes' logs.
func StartCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	if o.Masters == 0 {
		o.Masters = 3
	}
	if o.FailAfter == 0 {
		o.FailAfter = time.Second
	}
	if o.Masters < 1 || o.Masters > slots || o.Replicas < 0 || o.FailAfter < time.Millisecond {
		return nil, errors.New("redistest: ClusterOptions: Masters, Replicas and FailAfter must be positive")
	}
	f, err := newFleet(o.Node)
	if err != nil {
		return nil, err
	}
	c := &Cluster{fleet: f}
	if err := c.start(ctx, o); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, o ClusterOptions) (err error) {
	node := c.fleet.common
	node.pickPort = freeClusterPort
	node.args = append(node.args,
		"--cluster-enabled", "yes",
		"--cluster-config-file", "nodes.conf",
		"--cluster-node-timeout", millis(o.FailAfter),
		"--cluster-announce-ip", loopback,
		"--cluster-replica-validity-factor", "0", // any replica will do, however long it was cut off
		"--cluster-allow-replica-migration", "no", // each stays with its master
	)
	if node.certs != nil {
		node.args = append(node.args, "--tls-cluster", "yes")
	}
	if c.nodes, err = c.fleet.start(ctx, o.Masters*(1+o.Replicas), node); err != nil {
		return err
	}
	if err := c.form(ctx, o.Masters); err != nil {
		return explain(c.fleet.servers, err)
	}
	return c.WaitReady(ctx)
}

// form makes a cluster of the nodes: the first of them masters, the others
// replicas of each in turn.
func (c *Cluster) form(ctx context.Context, masters int) error {
	ids := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		id, err := n.ask(ctx, "CLUSTER", "MYID")
		if err != nil {
			return fmt.Errorf("redistest: %w", err)
		}
		ids[i] = strings.Join(id, "")
		commands := [][]string{}
		if i < masters {
			from, to := i*slots/masters, (i+1)*slots/masters-1
			commands = append(commands,
				// Epochs that collide would have to be sorted out first.
				[]string{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
				[]string{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)})
		}
		// Each meets all of those before it: to wait for rumours takes seconds.
		for _, other := range c.nodes[:i] {
			commands = append(commands, []string{"CLUSTER", "MEET", loopback, strconv.Itoa(other.Port())})
		}
		for _, command := range commands {
			if _, err := n.ask(ctx, command...); err != nil {
				return fmt.Errorf("redistest: %w", err)
			}
		}
	}
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes[masters:] {
		wg.Go(func() {
			master := ids[i%masters]
			errs[i] = poll(ctx, "no cluster came about", func(ctx context.Context) error {
				_, err := n.ask(ctx, "CLUSTER", "REPLICATE", master) // it may not know that node yet
				return err
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// WaitReady waits until the running nodes agree that all is well: every slot is
// with a running node, and each replica that is running is in sync with its
// master. So after a Kill or a Pause of a master it waits until a replica has
// taken its place, and after Restart and Resume until the node is a replica
// itself, or is the master again where there was no replica. It waits 30 s at
// most; an error holds the end of the nodes' logs.
func (c *Cluster) WaitReady(ctx context.Context) error {
	return c.fleet.wait(ctx, "the cluster is not ready", c.settled)
}

func (c *Cluster) settled(ctx context.Context) error {
	up := map[string]bool{}
	for _, n := range c.nodes {
		up[strconv.Itoa(n.Port())] = n.up()
	}
	agreed := ""
	for _, n := range c.nodes {
		if !up[strconv.Itoa(n.Port())] {
			continue
		}
		v, err := lookAtCluster(ctx, n)
		if err != nil {
			return err
		}
		if err := v.settled(len(c.nodes), up); err != nil {
			return fmt.Errorf("%s: %w", n.Addr(), err)
		}
		if agreed == "" {
			agreed = v.roles(up)
		}
		if got := v.roles(up); got != agreed {
			return fmt.Errorf("%s sees %s, others see %s", n.Addr(), got, agreed)
		}
	}
	if agreed == "" {
		return errors.New("no node is running")
	}
	return nil
}

// Stop ends all nodes, whatever became of them, and removes their files. A
// second call does nothing.
func (c *Cluster) Stop() error { return c.fleet.stop() }

// Nodes are all nodes, also those that are down. Their Kill, Pause, Resume and
// Restart make faults. One that is restarted still knows the cluster, but has
// lost its keys, unless Args turned persistence on or it finds a master to
// copy from.
func (c *Cluster) Nodes() []*Server { return slices.Clone(c.nodes) }

// Addrs are the addresses of all nodes, as a client wants them to begin with.
func (c *Cluster) Addrs() []string { return addrs(c.nodes) }
