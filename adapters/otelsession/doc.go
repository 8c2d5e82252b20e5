// Package otelsession gives OpenTelemetry the traces and metrics of berth.
//
// Call [Observe] once, after session.New and after the providers are set:
//
//	stop, err := otelsession.Observe(m)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer stop()
//
// It takes the global providers, and the options take others. Without a provider nothing is recorded.
//
// # Spans
//
// Each request that has a session gets two spans, below the span of the request that is in the context:
//
//	GET /cart
//	├── berth.begin    berth.access=exclusive, berth.outcome=found
//	│   └── evalsha    what redisotel records, if the client has it
//	└── berth.commit   berth.outcome=saved, berth.fields=1, berth.size=17
//
// A handler of ends runs in a span berth.handle_end of its own, of kind consumer. The context that the
// handler gets has that span. A call to Redis that is made again is an event berth.retry of the span.
// A rollback has no span. If a client sends the calls of several requests together, the calls are below
// the span of one of these requests.
//
// # Metrics
//
// [docs/metrics.md] lists them, with what they mean and what to watch.
//
// # What is recorded of a session
//
// Spans have its handle, as berth.handle. A handle opens nothing. Metrics have no handle, since there are too many.
// Neither has an ID, a secret, a value, the name of a value, or the text of an error. The attribute error.type
// is the kind that session.Classify gives.
//
// [docs/metrics.md]: https://github.com/berthgo/berth/blob/HEAD/docs/metrics.md
package otelsession
