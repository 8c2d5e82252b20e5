package otelsession_test

import (
	"net/http"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/berthgo/berth/adapters/otelsession"
	"github.com/berthgo/berth/core/session"
)

// Of two observers with providers of their own, each has the retries on its own spans, once.
func TestRetriesOfTwoObservers(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{RetryTimeout: 100 * time.Millisecond})
	others := tracetest.NewSpanRecorder()
	stop, err := otelsession.Observe(s.Manager,
		otelsession.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(others))),
		otelsession.WithMeterProvider(sdkmetric.NewMeterProvider()))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s.warm(t)
	others.Reset()
	cookie := s.SignIn("ann", nil)
	s.spans.Reset()
	others.Reset()
	restore := s.FailRedis()
	s.serve(t, cookie, func(http.ResponseWriter, *http.Request) {})
	restore()
	count := func(spans []sdktrace.ReadOnlySpan) (n int) {
		for _, span := range spans {
			if span.Name() == "berth.begin" {
				n += len(span.Events())
			}
		}
		return n
	}
	if a, b := count(s.spans.Ended()), count(others.Ended()); a != b || a == 0 {
		t.Errorf("the spans of the first have %d retries, those of the second %d", a, b)
	}
}
