package promsession

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/berthgo/berth/core/session"
)

// Buckets from 0.1 ms to two minutes, as LockHold is 110 s by default; and from 64 bytes to 1 MiB, as MaxBytes is.
var (
	seconds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	bytes   = []float64{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}
	lags    = []float64{.001, .01, .1, .5, 1, 2.5, 5, 10, 30, 60, 300, 600, 3600}
)

// events are the metrics that count events.
type events struct {
	beginTime, commitTime, endLag                        *prometheus.HistogramVec
	waitTime, holdTime, commitSize                       prometheus.Histogram
	created, detached, lost, retries, redelivered, aside prometheus.Counter
	ended, errors, handled                               *prometheus.CounterVec
}

// newEvents returns them, and a list of them all.
func newEvents(constant prometheus.Labels) (*events, []prometheus.Collector) {
	var all []prometheus.Collector
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, ConstLabels: constant}, labels)
		all = append(all, h)
		return h
	}
	plainHistogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, ConstLabels: constant})
		all = append(all, h)
		return h
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: constant}, labels)
		all = append(all, c)
		return c
	}
	plainCounter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: constant})
		all = append(all, c)
		return c
	}
	return &events{
		beginTime: histogram("berth_begin_duration_seconds", "How long it took to begin a session, with waiting for it.", seconds,
			"berth_access", "berth_outcome"),
		waitTime:   plainHistogram("berth_lock_wait_duration_seconds", "How long requests waited for a session that others held, in vain or not.", seconds),
		holdTime:   plainHistogram("berth_lock_hold_duration_seconds", "How long requests held a session, until they gave it back.", seconds),
		commitTime: histogram("berth_commit_duration_seconds", "How long commits took.", seconds, "berth_outcome"),
		commitSize: plainHistogram("berth_commit_size_bytes", "Keys and values that commits with changes wrote.", bytes),

		created:  plainCounter("berth_session_created_total", "New sessions that were saved."),
		ended:    counter("berth_session_ended_total", "Sessions that this process ended.", "berth_reason"),
		detached: plainCounter("berth_session_detached_total", "Requests that got an empty session in place of their own."),
		lost:     plainCounter("berth_lease_lost_total", "Sessions that requests lost before their commit."),
		retries:  plainCounter("berth_redis_retries_total", "Calls to Redis that were made again."),
		errors:   counter("berth_errors_total", "Failures, as Hooks.OnError hears of them.", "berth_op", "error_type"),

		handled:     counter("berth_end_handled_total", "Ends of sessions for which a handler returned nil.", "berth_reason"),
		redelivered: plainCounter("berth_end_redelivered_total", "Ends of sessions that were handed out again."),
		aside:       plainCounter("berth_end_aside_total", "Ends of sessions that were put aside, after too many attempts."),
		endLag:      histogram("berth_end_lag_seconds", "From the end of a session to the start of its handler.", lags, "berth_reason"),
	}, all
}

// record counts an event.
func (m *events) record(_ context.Context, e session.Event) {
	switch e.Op {
	case session.OpBegin:
		m.beginTime.WithLabelValues(word(e.Access.String()), word(string(e.Outcome))).Observe(e.Duration.Seconds())
		if e.Waited > 0 {
			m.waitTime.Observe(e.Waited.Seconds())
		}
		if e.Outcome == session.OutcomeDetached {
			m.detached.Inc()
		}
	case session.OpCommit:
		m.commitTime.WithLabelValues(word(string(e.Outcome))).Observe(e.Duration.Seconds())
		switch e.Outcome {
		case session.OutcomeCreated:
			m.created.Inc()
			fallthrough
		case session.OutcomeSaved:
			m.commitSize.Observe(float64(e.Bytes))
		}
		if e.Err == nil { // else a rollback follows, or the lease was lost
			m.held(e)
		}
	case session.OpRollback:
		m.held(e)
	case session.OpHandleEnd:
		m.endLag.WithLabelValues(string(e.Reason)).Observe(e.Lag.Seconds())
		if e.Attempt > 1 {
			m.redelivered.Inc()
		}
		if e.Err == nil {
			m.handled.WithLabelValues(string(e.Reason)).Inc()
		}
	case session.OpLeaseLost:
		m.lost.Inc()
	case session.OpEnd:
		m.ended.WithLabelValues(string(e.Reason)).Inc()
	case session.OpAside:
		m.aside.Inc()
	case session.OpRetry:
		m.retries.Inc()
	case session.OpFailure:
		op, kind := session.Classify(e.Err)
		m.errors.WithLabelValues(op, kind).Inc()
	}
}

func (m *events) held(e session.Event) {
	if e.Held > 0 {
		m.holdTime.Observe(e.Held.Seconds())
	}
}

// word is a name of berth as a label has it: read_only and not ReadOnly, lock_timeout and not lock timeout.
func word(name string) string {
	switch name {
	case "ReadOnly":
		return "read_only"
	case string(session.OutcomeLockTimeout):
		return "lock_timeout"
	}
	return strings.ToLower(name)
}
