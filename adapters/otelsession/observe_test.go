package otelsession_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/berthgo/berth/adapters/otelsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func TestStop(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{})
	ann := s.SignIn("ann", nil)
	s.serve(t, ann, func(_ http.ResponseWriter, r *http.Request) { s.stop() }) // the commit is not observed any more
	if n := s.figures(t)["berth.begin.duration exclusive found"]; n != 1 {
		t.Errorf("what was recorded before is %d", n)
	}
	spans := len(s.spans.Ended())
	s.stop()
	s.serve(t, ann, func(_ http.ResponseWriter, r *http.Request) {})
	got := s.figures(t)
	if _, still := got["berth.session.held"]; still || got["berth.begin.duration exclusive found"] != 1 || got["berth.commit.duration unchanged"] != 0 {
		t.Errorf("after stop: %v", got)
	}
	for _, span := range s.spans.Ended()[spans:] {
		if strings.HasPrefix(span.Name(), "berth.") {
			t.Errorf("after stop there is a span %s", span.Name())
		}
	}
}

// Not parallel: the providers are global.
func TestGlobalProviders(t *testing.T) {
	spans, reader := tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	t.Cleanup(func() {
		otel.SetTracerProvider(tracers)
		otel.SetMeterProvider(meters)
	})
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))

	m := sessiontest.New(t, session.Options{}).Manager
	stop, err := otelsession.Observe(m, otelsession.WithTracerProvider(nil), otelsession.WithMeterProvider(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s, err := m.Begin(t.Context(), "", session.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	s.Rollback(t.Context())
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.ScopeMetrics) != 1 || len(spans.Ended()) != 1 {
		t.Fatalf("there are %d scopes and %d spans", len(got.ScopeMetrics), len(spans.Ended()))
	}
	if scope := spans.Ended()[0].InstrumentationScope(); scope.Name != otelsession.ScopeName || scope.Version == "" {
		t.Errorf("the scope is %+v", scope)
	}
}

// refusing is a meter that refuses one kind of instruments.
type refusing struct{ noop.MeterProvider }

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

type refusingMeter struct{ noop.Meter }

var errRefused = errors.New("no counters here")

func (refusingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noop.Int64Counter{}, errRefused
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	if _, err := otelsession.Observe(nil); err == nil || !strings.Contains(err.Error(), "after session.New") {
		t.Errorf("without a manager: %v", err)
	}
	spans := tracetest.NewSpanRecorder()
	m := sessiontest.New(t, session.Options{}).Manager
	stop, err := otelsession.Observe(m, otelsession.WithMeterProvider(refusing{}),
		otelsession.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
	if stop != nil || !errors.Is(err, errRefused) {
		t.Errorf("got %v", err)
	}
	if s, err := m.Begin(t.Context(), "", session.Exclusive); err == nil {
		s.Rollback(t.Context())
	}
	if len(spans.Ended()) != 0 {
		t.Error("spans are recorded all the same")
	}
}
