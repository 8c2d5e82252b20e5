package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

// The places where Redis may be. On a cluster and behind Sentinels, clients learn addresses from Redis, so
// there are no proxies.
const (
	alone     = "one server"
	cluster   = "cluster"
	sentinels = "sentinels"
)

// place is the Redis of a run.
type place struct {
	single   *redistest.Server
	cluster  *redistest.Cluster
	sentinel *redistest.Sentinel
	client   redis.UniversalClient // the driver's own
	control  *control              // of a place that may lose writes, nil elsewhere
}

// patient is how long a node may be silent on a busy machine before the others replace it.
const patient = 20 * time.Second

func startPlace(ctx context.Context, p *plan) (at *place, err error) {
	at = new(place)
	const limit = 5 * time.Second
	switch p.place {
	case alone:
		var o redistest.Options
		if p.log {
			o.Args = []string{"--appendonly", "yes", "--appendfsync", "always"}
		}
		if at.single, err = redistest.Start(ctx, o); err != nil {
			return nil, err
		}
		at.client = redis.NewClient(&redis.Options{Addr: at.single.Addr(), ReadTimeout: limit, WriteTimeout: limit})
	case cluster:
		if at.cluster, err = redistest.StartCluster(ctx, redistest.ClusterOptions{Replicas: 1, FailAfter: patient}); err != nil {
			return nil, err
		}
		at.client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: at.cluster.Addrs(), ReadTimeout: limit, WriteTimeout: limit})
	case sentinels:
		if at.sentinel, err = redistest.StartSentinel(ctx, redistest.SentinelOptions{
			Replicas: 1, FailAfter: patient, Node: redistest.Options{Args: []string{"--" + minReplicas, "1"}},
		}); err != nil {
			return nil, err
		}
		failover := &redis.FailoverOptions{MasterName: at.sentinel.MasterName(), SentinelAddrs: at.sentinel.SentinelAddrs(), ReadTimeout: limit, WriteTimeout: limit}
		at.client = redis.NewFailoverClient(failover)
		at.control = startControl(at.client)
	}
	return at, nil
}

// addrs are what the servers get to find Redis.
func (p *place) addrs() []string {
	switch {
	case p.cluster != nil:
		return p.cluster.Addrs()
	case p.sentinel != nil:
		return p.sentinel.SentinelAddrs()
	}
	return []string{p.single.Addr()}
}

func (p *place) stop() {
	if p.control != nil {
		p.control.stop()
	}
	if p.client != nil {
		_ = p.client.Close()
	}
	switch {
	case p.cluster != nil:
		_ = p.cluster.Stop()
	case p.sentinel != nil:
		_ = p.sentinel.Stop()
	case p.single != nil:
		_ = p.single.Stop()
	}
}

// each calls f with a client of each master.
func (p *place) each(ctx context.Context, f func(ctx context.Context, c *redis.Client) error) error {
	switch c := p.client.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	case *redis.Client:
		return f(ctx, c)
	}
	panic("no such client")
}

// keys returns the keys of all masters.
func (p *place) keys(ctx context.Context, pattern string) (keys []string, err error) {
	var mu sync.Mutex
	err = p.each(ctx, func(ctx context.Context, c *redis.Client) error {
		var own []string
		each := c.Scan(ctx, 0, pattern, 1000).Iterator()
		for each.Next(ctx) {
			own = append(own, each.Val())
		}
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, own...)
		return each.Err()
	})
	return keys, err
}

// errUnready says that the Sentinels did not agree in time, as happens on a busy machine. That is no
// failure of berth.
var errUnready = errors.New("the Sentinels do not agree on a master")

// failover has a replica take a master's place. Nothing is lost.
func (p *place) failover(ctx context.Context, nth int) error {
	if p.sentinel != nil {
		return p.failoverBySentinels(ctx)
	}
	masters, err := p.cluster.Masters(ctx)
	if err != nil {
		return err
	}
	_, err = p.cluster.Failover(ctx, masters[nth%len(masters)])
	return err
}

// minReplicas is how many replicas a master must have to accept writes. With 1, a master refuses them once its
// replica has been promoted, and a new master until the old one follows it. Else either might lose what it
// accepts: clients still know the old one, and Sentinels that disagree take a promotion back.
const minReplicas = "min-replicas-to-write"

// failoverBySentinels first has the master refuse all writes, until the replica has the last one.
func (p *place) failoverBySentinels(ctx context.Context) error {
	master, err := p.sentinel.Master(ctx)
	if err != nil {
		return err
	}
	old := redis.NewClient(&redis.Options{Addr: master.Addr()})
	defer old.Close()
	if err := old.ConfigSet(ctx, minReplicas, "100").Err(); err != nil {
		return err
	}
	if err := p.caughtUp(ctx, old); err != nil {
		return err
	}
	if _, err := p.sentinel.Failover(ctx); err != nil {
		return errUnready
	}
	return old.ConfigSet(ctx, minReplicas, "1").Err()
}

// caughtUp waits until each replica has all that the master has now.
func (p *place) caughtUp(ctx context.Context, master *redis.Client) error {
	has := func(c *redis.Client) (int, error) {
		info, err := c.InfoMap(ctx, "replication").Result()
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(info["Replication"]["master_repl_offset"])
	}
	all, err := has(master)
	if err != nil {
		return err
	}
	for _, node := range p.sentinel.Nodes() {
		c := redis.NewClient(&redis.Options{Addr: node.Addr()})
		defer c.Close()
		for now := -1; now < all; rest(ctx, time.Millisecond) {
			if now, err = has(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveSlot moves the slot of a key to the next master, key by key, and rests in between.
func (p *place) moveSlot(ctx context.Context, key string, pause time.Duration) error {
	from, err := p.cluster.MasterOf(ctx, key)
	if err != nil {
		return err
	}
	masters, err := p.cluster.Masters(ctx)
	if err != nil {
		return err
	}
	to := masters[0]
	for i, m := range masters {
		if m.Addr() == from.Addr() {
			to = masters[(i+1)%len(masters)]
		}
	}
	source, target := redis.NewClient(&redis.Options{Addr: from.Addr()}), redis.NewClient(&redis.Options{Addr: to.Addr()})
	defer source.Close()
	defer target.Close()
	var errs []error
	do := func(c *redis.Client, args ...any) any {
		v, err := c.Do(ctx, args...).Result()
		if err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", args[0], err))
		}
		return v
	}
	slot := do(source, "CLUSTER", "KEYSLOT", key)
	do(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", do(source, "CLUSTER", "MYID"))
	do(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", do(target, "CLUSTER", "MYID"))
	rest(ctx, pause)
	for len(errs) == 0 {
		keys, _ := do(source, "CLUSTER", "GETKEYSINSLOT", slot, 1).([]any)
		if len(keys) == 0 {
			break
		}
		// A call to a single key, after ASK, may have made the key there too. The source has what came before.
		do(source, "MIGRATE", "127.0.0.1", strconv.Itoa(to.Port()), keys[0], 0, 5000, "REPLACE")
		rest(ctx, pause/4)
	}
	for _, m := range slices.Concat([]*redistest.Server{to, from}, masters) {
		c := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port()))})
		do(c, "CLUSTER", "SETSLOT", slot, "NODE", do(target, "CLUSTER", "MYID"))
		_ = c.Close()
	}
	return errors.Join(errs...)
}

// control writes rising numbers to Redis for as long as the run lasts, from a few connections. If a number
// goes back after it was acknowledged, Redis's replication has lost writes, and then also some of berth's.
type control struct {
	lost   atomic.Bool
	cancel context.CancelFunc
	going  sync.WaitGroup
}

func startControl(client redis.UniversalClient) *control {
	ctx, cancel := context.WithCancel(context.Background())
	c := &control{cancel: cancel}
	for i := range 2 {
		key := "control" + strconv.Itoa(i)
		c.going.Go(func() { // until stop
			for last := int64(0); ctx.Err() == nil; {
				now, err := client.Incr(ctx, key).Result()
				if err != nil {
					now = last // as it was
				} else if now <= last {
					c.lost.Store(true)
				}
				last = now
				rest(ctx, 200*time.Microsecond)
			}
		})
	}
	return c
}

func (c *control) stop() {
	c.cancel()
	c.going.Wait()
}
