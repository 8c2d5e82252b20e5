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
	// Masters is how many nodes share the slots. A failover needs at least three: a majority of the
	// masters must agree. Defaults to 3.
	Masters int
	// Replicas is how many replicas each master has. Defaults to none.
	Replicas int
	// FailAfter is how long a node must be silent before the others replace it, in whole
	// milliseconds. To replace it takes one or two seconds more. If FailAfter is much less than a
	// second, they also replace a node that a busy machine only kept waiting. Defaults to 1 s.
	FailAfter time.Duration
	// Node has the options of every node. Do not set Dir, Port and UnixSocket.
	Node Options
}

// Cluster is a Redis Cluster on 127.0.0.1. Several goroutines may call its methods. Its processes
// live as long as [Server] says.
type Cluster struct {
	fleet *fleet
	nodes []*Server
}

// StartCluster starts a cluster and returns when it is ready, as [Cluster.WaitReady] means it. That
// takes a little more than two seconds: Redis lets no node accept writes sooner. It needs Redis 6
// or Valkey. ctx limits the wait. Each of the two steps, processes and cluster, takes 30 s at most.
// An error holds the end of the nodes' logs.
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
		"--cluster-replica-validity-factor", "0", // any replica may take over, however long it was cut off
		"--cluster-migration-barrier", strconv.Itoa(slots), // each stays with its master
	)
	if versionOf(node.Path).atLeast(7, 0) {
		node.args = append(node.args, "--cluster-allow-replica-migration", "no") // so does a master without slots
	}
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

// form makes a cluster of the nodes. The first nodes are the masters. The others are replicas of
// each master in turn.
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
			// ADDSLOTSRANGE would need Redis 7.
			add := []string{"CLUSTER", "ADDSLOTS"}
			for slot := i * slots / masters; slot < (i+1)*slots/masters; slot++ {
				add = append(add, strconv.Itoa(slot))
			}
			commands = append(commands,
				// Nodes with equal epochs would have to settle that first.
				[]string{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
				add)
		}
		// Each node meets all nodes before it. Gossip alone would take seconds.
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
				_, err := n.ask(ctx, "CLUSTER", "REPLICATE", master) // the node may not know that master yet
				return err
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// WaitReady waits until the running nodes agree that all is well: a running node has every slot,
// and each running replica is in sync with its master.
//
// After a Kill or a Pause of a master, it waits until a replica has taken the master's place. After
// Restart and Resume, it waits until the node is a replica, or is the master again if it had no
// replica. It waits 30 s at most. An error holds the end of the nodes' logs.
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

// Stop ends all nodes, also paused ones, and removes their files. A second call does nothing.
func (c *Cluster) Stop() error { return c.fleet.stop() }

// Nodes are all nodes, also those that are down. Call their Kill, Pause, Resume and Restart to make
// faults. A node that was restarted still knows the cluster. It has lost its keys, unless Args
// turned persistence on or it finds a master to copy from.
func (c *Cluster) Nodes() []*Server { return slices.Clone(c.nodes) }

// Addrs are the addresses of all nodes, for a client to start with.
func (c *Cluster) Addrs() []string { return addrs(c.nodes) }
