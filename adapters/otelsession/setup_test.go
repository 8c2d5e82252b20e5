package otelsession_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/berthgo/berth/adapters/otelsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// site is an application whose spans and metrics stay in memory.
type site struct {
	*sessiontest.Sessions
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	tracer trace.Tracer // of the application
	stop   func()
}

func setup(t *testing.T, o session.Options) *site {
	t.Helper()
	s := &site{Sessions: sessiontest.New(t, o), spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans))
	s.tracer = tracers.Tracer("application")
	s.Redis.AddHook(redisSpans{s.tracer})
	var err error
	s.stop, err = otelsession.Observe(s.Manager,
		otelsession.WithTracerProvider(tracers),
		otelsession.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.reader))), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// warm makes the connection and loads the scripts.
func (s *site) warm(t *testing.T) {
	t.Helper()
	s.serve(t, nil, func(_ http.ResponseWriter, r *http.Request) { cart.Set(session.FromContext(r.Context()), "") })
	s.serve(t, s.SignIn("warm", nil), func(_ http.ResponseWriter, r *http.Request) { cart.Set(session.FromContext(r.Context()), "") })
	s.spans.Reset()
}

// serve lets a handler answer one request, in a span as otelhttp makes it.
func (s *site) serve(t *testing.T, cookie *http.Cookie, handler http.HandlerFunc) {
	t.Helper()
	inner := httpsession.Middleware(s.Manager)(handler)
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := s.tracer.Start(r.Context(), "GET /page")
		defer span.End()
		inner.ServeHTTP(w, r.WithContext(ctx))
	})
	var cookies []*http.Cookie
	if cookie != nil {
		cookies = append(cookies, cookie)
	}
	response, err := s.Client(outer, cookies...).Get("/page")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

// span returns the only span of that name that has ended.
func (s *site) span(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found []sdktrace.ReadOnlySpan
	for _, span := range s.spans.Ended() {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d spans %s, want one", len(found), name)
	}
	return found[0]
}

// attributes are those of a span, as text.
func attributes(span sdktrace.ReadOnlySpan) map[string]string {
	all := make(map[string]string)
	for _, a := range span.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

// figures returns what the metrics are now: sums, and how many values histograms have, by name and attributes.
func (s *site) figures(t *testing.T) map[string]int64 {
	t.Helper()
	all := make(map[string]int64)
	for _, m := range s.metrics(t) {
		name := func(set attribute.Set) string {
			var list []string
			for _, kv := range set.ToSlice() {
				if kv.Key == "berth.app" && kv.Value.AsString() == s.Manager.App() {
					continue
				}
				list = append(list, kv.Value.String())
			}
			return strings.TrimSpace(m.Name + " " + strings.Join(list, " "))
		}
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				all[name(p.Attributes)] = p.Value
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				all[name(p.Attributes)] = int64(p.Count)
			}
		case metricdata.Histogram[int64]:
			for _, p := range data.DataPoints {
				all[name(p.Attributes)] = int64(p.Count)
			}
		default:
			t.Errorf("%s is a %T", m.Name, data)
		}
	}
	return all
}

func (s *site) metrics(t *testing.T) []metricdata.Metrics {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := s.reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	var all []metricdata.Metrics
	for _, scope := range got.ScopeMetrics {
		if scope.Scope.Name != otelsession.ScopeName || scope.Scope.Version == "" {
			t.Errorf("the scope is %+v", scope.Scope)
		}
		all = append(all, scope.Metrics...)
	}
	return all
}

// redisSpans records a span for each call, as redisotel does.
type redisSpans struct{ tracer trace.Tracer }

func (r redisSpans) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r redisSpans) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, span := r.tracer.Start(ctx, cmd.FullName(), trace.WithSpanKind(trace.SpanKindClient))
		defer span.End()
		return next(ctx, cmd)
	}
}

func (r redisSpans) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, span := r.tracer.Start(ctx, "pipeline", trace.WithSpanKind(trace.SpanKindClient))
		defer span.End()
		return next(ctx, cmds)
	}
}

// everything is all text of all spans and metrics.
func (s *site) everything(t *testing.T) (spans, metrics string) {
	t.Helper()
	var b strings.Builder
	for _, span := range s.spans.Ended() {
		fmt.Fprintln(&b, span.Name(), span.Attributes(), span.Events(), span.Status())
	}
	return b.String(), fmt.Sprintf("%+v", s.metrics(t))
}
