package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// failoverPatience is how long Redis tries to do a failover that somebody asked for, and a little
// more.
const failoverPatience = 6 * time.Second

// Masters are the nodes that own slots, in the order of their slots. One running node is asked.
// After a fault, its answer is true only when [Cluster.WaitReady] has returned.
func (c *Cluster) Masters(ctx context.Context) ([]*Server, error) {
	v, _, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	var masters []*Server
	for _, m := range v.owners() {
		s, err := at(c.nodes, m.port)
		if err != nil {
			return nil, err
		}
		masters = append(masters, s)
	}
	return masters, nil
}

// MasterOf is the node that owns the slot of key. After a fault, see [Cluster.Masters].
func (c *Cluster) MasterOf(ctx context.Context, key string) (*Server, error) {
	v, n, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := n.ask(ctx, "CLUSTER", "KEYSLOT", key)
	if err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	slot, err := strconv.Atoi(strings.Join(reply, ""))
	if err != nil {
		return nil, fmt.Errorf("redistest: CLUSTER KEYSLOT: %w", err)
	}
	for _, m := range v.owners() {
		if m.has(slot) {
			return at(c.nodes, m.port)
		}
	}
	return nil, fmt.Errorf("redistest: nobody owns slot %d", slot)
}

// ReplicasOf are the running replicas of master. After a fault, see [Cluster.Masters].
func (c *Cluster) ReplicasOf(ctx context.Context, master *Server) ([]*Server, error) {
	v, _, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	id := ""
	for _, m := range v.all {
		if m.port == strconv.Itoa(master.Port()) {
			id = m.id
		}
	}
	var replicas []*Server
	for _, m := range v.all {
		if !m.is("slave") || m.master != id {
			continue
		}
		s, err := at(c.nodes, m.port)
		if err != nil {
			return nil, err
		}
		if s.up() {
			replicas = append(replicas, s)
		}
	}
	return replicas, nil
}

// Failover has a replica take the place of master, and returns that replica when the cluster is
// ready again. Nothing is lost: clients wait while the replica catches up. Failover also replaces a
// master that is down or paused, and does not wait until the other nodes miss it. Then writes that
// the replica has not got are lost.
func (c *Cluster) Failover(ctx context.Context, master *Server) (*Server, error) {
	replicas, err := c.ReplicasOf(ctx, master)
	if err != nil {
		return nil, err
	}
	if len(replicas) == 0 {
		return nil, fmt.Errorf("redistest: no replica of %s is running", master.Addr())
	}
	successor := replicas[0]
	command := []string{"CLUSTER", "FAILOVER"}
	if !master.up() {
		command = append(command, "FORCE")
	}
	var asked time.Time
	err = c.fleet.wait(ctx, "no failover", func(ctx context.Context) error {
		v, err := lookAtCluster(ctx, successor)
		if err != nil || v.self.owner() {
			return err
		}
		if time.Since(asked) > failoverPatience {
			if _, err := successor.ask(ctx, command...); err != nil {
				return err
			}
			asked = time.Now()
		}
		return fmt.Errorf("%s is still a replica", successor.Addr())
	})
	if err != nil {
		return nil, err
	}
	return successor, c.WaitReady(ctx)
}

// look returns how a running node sees the cluster, and that node.
func (c *Cluster) look(ctx context.Context) (*clusterView, *Server, error) {
	errs := []error{errors.New("redistest: no node of the cluster tells of it")}
	for _, n := range c.nodes {
		if !n.up() {
			continue
		}
		v, err := lookAtCluster(ctx, n)
		if err == nil {
			return v, n, nil
		}
		errs = append(errs, err)
	}
	return nil, nil, errors.Join(errs...)
}
