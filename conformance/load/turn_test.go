//go:build testall

package load

import (
	"cmp"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// turn is the load on one server. The number of keys grows for a minute: as long lives what berth remembers
// of a rotation, a merge and a logout.
type turn struct {
	clients int
	pool    int // connections to Redis that the pools of the server's manager have room for
	warm    reading
	last    reading // after the flood, and after the round behind it
	before  round
	after   round
	flood   flood
	endless string  // kinds of keys without a TTL
	left    reading // when the server is gone
	empty   reading // before it was there
}

// plan says how long each step of a turn takes.
type plan struct {
	warm, calm, flood time.Duration
	rounds            int // at least 1
	crowd             int // of the flood, 0 for none
}

// planned divides the time of one turn. A quarter is for the flood. Rounds take half a minute at most, so
// that a long load has many readings.
func planned(d time.Duration) plan {
	p := plan{warm: d / 8, flood: d / 4, crowd: 192}
	rest := d - p.warm - p.flood
	p.rounds = max(int(rest/(30*time.Second)), 3)
	p.calm = rest / time.Duration(p.rounds+1) // one is after the flood
	return p
}

// turn puts one server under load.
func (r *rig) turn(f framework, p plan, besides func(s *session.Session)) turn {
	r.Helper()
	t := turn{clients: len(r.clients), empty: r.first()}
	m := r.manager()
	pools := m.Client().(*redis.Client).Options()
	t.pool = pools.PoolSize + cmp.Or(pools.PipelinePoolSize, redis.DefaultPipelinePoolSize)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	addr := l.Addr().String()
	stop := f.serve(l, application{m, besides})
	stopped := sync.OnceFunc(func() {
		for _, c := range r.clients {
			c.hangUp()
		}
		stop()
		if err := m.Close(); err != nil {
			r.Error(err)
		}
	})
	defer stopped()
	r.warm.Store(false)
	r.each(func(c *client) error {
		if err := c.dial(addr); err != nil {
			return err
		}
		for _, h := range c.held {
			if h.id != "" {
				continue // the server before has made it
			}
			if err := c.open(h); err != nil {
				return err
			}
		}
		return nil
	})

	warm := r.load(p.warm)
	t.warm = r.first()
	r.warm.Store(true)
	r.say("%-8s  warm   %v\n%19s at rest  %v", f.name, warm, "", t.warm)
	for range p.rounds {
		t.before = r.load(p.calm)
		r.say("%-8s  calm   %v\n%19s at rest  %v", f.name, t.before, "", r.atRest(t.warm.goroutines))
	}
	if p.crowd > 0 {
		t.flood = r.flood(addr, m, p)
		r.say("%-8s  flood  %v\n%19s at most  %v", f.name, t.flood.others, "", t.flood)
		t.after = r.load(p.calm)
	}
	t.last = r.atRest(t.warm.goroutines)
	r.say("%-8s  after  %v\n%19s at rest  %v", f.name, t.after, "", t.last)
	r.each((*client).check)
	var designed int
	t.endless, designed = r.withoutTTL()
	r.say("%-8s  keys without a TTL: %d of the index of ends, which has none by design; others: %q", f.name, designed, t.endless)
	stopped()
	t.left = r.atRest(t.empty.goroutines)
	r.say("%-8s  gone   others' p99: %.1f ms before the flood, %.1f ms during it, %.1f ms after it\n%19s         %v",
		f.name, ms(t.before.p99), ms(t.flood.others.p99), ms(t.after.p99), "", t.left)
	return t
}
