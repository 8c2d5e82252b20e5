package otelsession_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/berthgo/berth/adapters/otelsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// The spans of one request that changes its session. A recorder keeps them in memory; your program has an
// exporter in its place.
func Example() {
	server, err := miniredis.Run() // your Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	m, err := session.New(client, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	spans := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	stop, err := otelsession.Observe(m, otelsession.WithTracerProvider(tracers))
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	page := httpsession.Middleware(m)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		s.Set("visits", session.GetOr(s, "visits", 0)+1)
	}))
	visit := func(cookies ...*http.Cookie) []*http.Cookie {
		ctx, span := tracers.Tracer("shop").Start(context.Background(), "GET /") // as otelhttp does
		defer span.End()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w.Result().Cookies()
	}
	cookies := visit() // makes the session
	spans.Reset()
	visit(cookies...)

	for _, s := range spans.Ended() {
		var text []string
		for _, a := range s.Attributes() {
			if a.Key != "berth.handle" && a.Value.Type() != attribute.FLOAT64 { // they differ each time
				text = append(text, string(a.Key)+"="+a.Value.String())
			}
		}
		fmt.Println(s.Name(), strings.Join(text, " "))
	}
	// Output:
	// berth.begin berth.app=shop berth.access=exclusive berth.outcome=found
	// berth.commit berth.app=shop berth.access=exclusive berth.outcome=saved berth.fields=1 berth.size=7
	// GET /
}
