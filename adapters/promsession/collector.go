package promsession

import (
	"maps"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/berthgo/berth/core/session"
)

// Collector is a [prometheus.Collector] of what one manager does. It is safe for concurrent use.
type Collector struct {
	all  []prometheus.Collector
	quit func()
}

// NewCollector returns a Collector that counts what m does from now on, until [Collector.Unregister] or
// [Collector.Stop]. Register it once, and before the first request:
//
//	prometheus.MustRegister(promsession.NewCollector(m, nil))
//
// All metrics have the label berth_app, which is Options.App, and these labels. With two managers of one App in
// a process, the labels must tell them apart. Register returns an error if a label is not valid or if a metric
// has it already. It panics if m is nil.
func NewCollector(m *session.Manager, labels prometheus.Labels) *Collector {
	if m == nil {
		panic("promsession: NewCollector needs a Manager, and got nil: call it after session.New")
	}
	constant := prometheus.Labels{"berth_app": m.App()}
	maps.Copy(constant, labels)
	events, all := newEvents(constant)
	figure := func(name, help string, of func(session.Stats) int64) {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: constant},
			func() float64 { return float64(of(m.Stats())) }))
	}
	figure("berth_session_held", "Sessions that requests of this process hold now.", func(s session.Stats) int64 { return s.Held })
	figure("berth_request_waiting", "Requests of this process that wait for a session now.", func(s session.Stats) int64 { return s.Waiting })
	c := &Collector{all: all, quit: func() {}}
	if prometheus.NewRegistry().Register(c) == nil { // else the caller's Register tells why
		c.quit = sync.OnceFunc(m.Observe(session.Observer{Event: events.record}))
	}
	return c
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, one := range c.all {
		one.Describe(to)
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	for _, one := range c.all {
		one.Collect(to)
	}
}

// Unregister takes the collector out of a registry, such as [prometheus.DefaultRegisterer], and stops it. It
// returns whether it was registered there. Unregister of the registry itself cannot stop it, since the collector
// does not hear of that: it then goes on counting, and nobody sees it.
func (c *Collector) Unregister(from prometheus.Registerer) bool {
	c.Stop()
	return from.Unregister(c)
}

// Stop ends the counting, after which requests pay nothing for it. The counters keep their values, as for
// a registry that still has the collector. It may be called again.
func (c *Collector) Stop() { c.quit() }
