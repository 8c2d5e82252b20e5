package otelsession

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/berthgo/berth/core/session"
)

// ScopeName is the name of the instrumentation scope. Its version is that of this module in the build.
const ScopeName = "github.com/berthgo/berth/adapters/otelsession"

// Observe records spans and metrics of what m does, from now on, until stop is called. It may be called
// for several managers: the attribute berth.app tells them apart. Twice for one manager counts everything
// twice. Observe and stop are safe for concurrent use, and stop may be called again. What is under way when
// stop is called is still recorded.
//
// The error says which instruments the meter provider refused; then nothing is recorded.
func Observe(m *session.Manager, opts ...Option) (stop func(), err error) {
	if m == nil {
		return nil, errors.New("otelsession: Observe needs a Manager, and got nil: call it after session.New")
	}
	c := configure(opts)
	metrics, err := newMetrics(c.meters.Meter(ScopeName, metric.WithInstrumentationVersion(version())), m)
	if err != nil {
		return nil, fmt.Errorf("otelsession: the meter provider refuses instruments: %w", err)
	}
	t := &tracer{c.tracers.Tracer(ScopeName, trace.WithInstrumentationVersion(version())), m.App()}
	quit := m.Observe(session.Observer{
		Start: t.start,
		Event: func(ctx context.Context, e session.Event) {
			metrics.record(ctx, e) // before the span ends: exemplars name it
			t.record(ctx, e)
		},
	})
	return func() {
		quit()
		_ = metrics.now.Unregister() // of a callback that is registered, which has no error
	}, nil
}

// version is that of this module, as the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == ScopeName && m.Version != "" {
				return m.Version
			}
		}
	}
	return "(devel)"
}
