package otelsession

import (
	"context"
	"errors"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/berthgo/berth/core/session"
)

// Buckets from 0.1 ms to two minutes, as LockHold is 110 s by default; and from 64 bytes to 1 MiB, as MaxBytes is.
var (
	seconds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	bytes   = []float64{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}
	lags    = []float64{.001, .01, .1, .5, 1, 2.5, 5, 10, 30, 60, 300, 600, 3600}
)

type metrics struct {
	app   attribute.KeyValue
	plain metric.MeasurementOption // app alone
	sets  sync.Map                 // attributes by what they are made of, so that an event makes none

	beginTime, waitTime, holdTime, commitTime, endLag metric.Float64Histogram
	commitSize                                        metric.Int64Histogram

	created, ended, detached, lost, retries, errors metric.Int64Counter
	endsHandled, endsRedelivered, endsAside         metric.Int64Counter

	now metric.Registration
}

func newMetrics(meter metric.Meter, m *session.Manager) (*metrics, error) {
	all := &metrics{app: appKey.String(m.App())}
	all.plain = metric.WithAttributeSet(attribute.NewSet(all.app))
	var errs []error
	times := func(into *metric.Float64Histogram, name, help string, buckets []float64) {
		h, err := meter.Float64Histogram(name, metric.WithDescription(help), metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(buckets...))
		*into, errs = h, append(errs, err)
	}
	counts := func(into *metric.Int64Counter, name, help, unit string) {
		c, err := meter.Int64Counter(name, metric.WithDescription(help), metric.WithUnit(unit))
		*into, errs = c, append(errs, err)
	}
	gauge := func(name, help, unit string) metric.Int64ObservableUpDownCounter {
		g, err := meter.Int64ObservableUpDownCounter(name, metric.WithDescription(help), metric.WithUnit(unit))
		errs = append(errs, err)
		return g
	}
	times(&all.beginTime, "berth.begin.duration", "How long it took to begin a session, with waiting for it.", seconds)
	times(&all.waitTime, "berth.lock.wait.duration", "How long requests waited for a session that others held, in vain or not.", seconds)
	times(&all.holdTime, "berth.lock.hold.duration", "How long requests held a session, until they gave it back.", seconds)
	times(&all.commitTime, "berth.commit.duration", "How long commits took.", seconds)
	times(&all.endLag, "berth.end.lag", "From the end of a session to the start of its handler.", lags)

	size, err := meter.Int64Histogram("berth.commit.size", metric.WithDescription("Keys and values that commits with changes wrote."),
		metric.WithUnit("By"), metric.WithExplicitBucketBoundaries(bytes...))
	all.commitSize, errs = size, append(errs, err)

	counts(&all.created, "berth.session.created", "New sessions that were saved.", "{session}")
	counts(&all.ended, "berth.session.ended", "Sessions that this process ended.", "{session}")
	counts(&all.detached, "berth.session.detached", "Requests that got an empty session in place of their own.", "{session}")
	counts(&all.lost, "berth.lease.lost", "Sessions that requests lost before their commit.", "{lease}")
	counts(&all.retries, "berth.redis.retries", "Calls to Redis that were made again.", "{call}")
	counts(&all.errors, "berth.errors", "Failures, as Hooks.OnError hears of them.", "{error}")
	counts(&all.endsHandled, "berth.end.handled", "Ends of sessions for which a handler returned nil.", "{end}")
	counts(&all.endsRedelivered, "berth.end.redelivered", "Ends of sessions that were handed out again.", "{end}")
	counts(&all.endsAside, "berth.end.aside", "Ends of sessions that were put aside, after too many attempts.", "{end}")

	held := gauge("berth.session.held", "Sessions that requests of this process hold now.", "{session}")
	waiting := gauge("berth.request.waiting", "Requests of this process that wait for a session now.", "{request}")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	all.now, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := m.Stats()
		o.ObserveInt64(held, now.Held, all.plain)
		o.ObserveInt64(waiting, now.Waiting, all.plain)
		return nil
	}, held, waiting)
	return all, err
}

// record counts an event.
func (m *metrics) record(ctx context.Context, e session.Event) {
	switch e.Op {
	case session.OpBegin:
		m.beginTime.Record(ctx, e.Duration.Seconds(), m.with(accessKey, word(e.Access.String()), outcomeKey, word(string(e.Outcome))))
		if e.Waited > 0 {
			m.waitTime.Record(ctx, e.Waited.Seconds(), m.plain)
		}
		if e.Outcome == session.OutcomeDetached {
			m.detached.Add(ctx, 1, m.plain)
		}
	case session.OpCommit:
		m.commitTime.Record(ctx, e.Duration.Seconds(), m.one(outcomeKey, word(string(e.Outcome))))
		switch e.Outcome {
		case session.OutcomeCreated:
			m.created.Add(ctx, 1, m.plain)
			fallthrough
		case session.OutcomeSaved:
			m.commitSize.Record(ctx, int64(e.Bytes), m.plain)
		}
		if e.Err == nil { // else a rollback follows, or the lease was lost
			m.held(ctx, e)
		}
	case session.OpRollback:
		m.held(ctx, e)
	case session.OpHandleEnd:
		m.endLag.Record(ctx, e.Lag.Seconds(), m.one(reasonKey, string(e.Reason)))
		if e.Attempt > 1 {
			m.endsRedelivered.Add(ctx, 1, m.plain)
		}
		if e.Err == nil {
			m.endsHandled.Add(ctx, 1, m.one(reasonKey, string(e.Reason)))
		}
	case session.OpLeaseLost:
		m.lost.Add(ctx, 1, m.plain)
	case session.OpEnd:
		m.ended.Add(ctx, 1, m.one(reasonKey, string(e.Reason)))
	case session.OpAside:
		m.endsAside.Add(ctx, 1, m.plain)
	case session.OpRetry:
		m.retries.Add(ctx, 1, m.plain)
	case session.OpFailure:
		op, kind := session.Classify(e.Err)
		m.errors.Add(ctx, 1, m.with(opKey, op, errorKey, kind))
	}
}

func (m *metrics) held(ctx context.Context, e session.Event) {
	if e.Held > 0 {
		m.holdTime.Record(ctx, e.Held.Seconds(), m.plain)
	}
}

// pair are the values of one or two attributes. All are words of short lists, so sets stays small.
type pair struct {
	key1, key2     attribute.Key
	value1, value2 string
}

// one returns app and one attribute.
func (m *metrics) one(key attribute.Key, value string) metric.MeasurementOption {
	return m.with(key, value, "", "")
}

// with returns app and two attributes.
func (m *metrics) with(key1 attribute.Key, value1 string, key2 attribute.Key, value2 string) metric.MeasurementOption {
	p := pair{key1, key2, value1, value2}
	if known, ok := m.sets.Load(p); ok {
		return known.(metric.MeasurementOption)
	}
	list := []attribute.KeyValue{m.app, key1.String(value1)}
	if key2 != "" {
		list = append(list, key2.String(value2))
	}
	known, _ := m.sets.LoadOrStore(p, metric.WithAttributeSet(attribute.NewSet(list...)))
	return known.(metric.MeasurementOption)
}

// word is a name of berth as an attribute has it: read_only and not ReadOnly, lock_timeout and not lock timeout.
func word(name string) string {
	switch name {
	case "ReadOnly":
		return "read_only"
	case string(session.OutcomeLockTimeout):
		return "lock_timeout"
	}
	return strings.ToLower(name)
}
