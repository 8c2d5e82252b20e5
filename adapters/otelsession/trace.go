package otelsession

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/berthgo/berth/core/session"
)

// The attributes of spans and metrics.
const (
	appKey     = attribute.Key("berth.app")
	handleKey  = attribute.Key("berth.handle")
	accessKey  = attribute.Key("berth.access")
	outcomeKey = attribute.Key("berth.outcome")
	reasonKey  = attribute.Key("berth.reason")
	opKey      = attribute.Key("berth.op")
	waitKey    = attribute.Key("berth.lock.wait")
	holdKey    = attribute.Key("berth.lock.hold")
	fieldsKey  = attribute.Key("berth.fields")
	sizeKey    = attribute.Key("berth.size")
	attemptKey = attribute.Key("berth.attempt")
	lagKey     = attribute.Key("berth.end.lag")
	errorKey   = attribute.Key("error.type")
)

type tracer struct {
	trace.Tracer
	app string
}

func (t *tracer) start(ctx context.Context, op session.Op, handle string) context.Context {
	name, kind := "", trace.SpanKindInternal
	switch op {
	case session.OpBegin:
		name = "berth.begin"
	case session.OpCommit:
		name = "berth.commit"
	case session.OpHandleEnd:
		name, kind = "berth.handle_end", trace.SpanKindConsumer
	default:
		return ctx
	}
	ctx, span := t.Start(ctx, name, trace.WithSpanKind(kind))
	if span.IsRecording() {
		span.SetAttributes(appKey.String(t.app))
		if handle != "" {
			span.SetAttributes(handleKey.String(handle))
		}
	}
	return ctx
}

// record ends the span that start has put into ctx.
func (t *tracer) record(ctx context.Context, e session.Event) {
	span := trace.SpanFromContext(ctx)
	switch e.Op {
	case session.OpBegin, session.OpCommit, session.OpHandleEnd:
		defer span.End()
	case session.OpRetry:
		if span.IsRecording() {
			_, kind := session.Classify(e.Err)
			span.AddEvent("berth.retry", trace.WithAttributes(attemptKey.Int(e.Attempt), errorKey.String(kind)))
		}
		return
	default:
		return
	}
	if !span.IsRecording() {
		return
	}
	switch e.Op {
	case session.OpBegin:
		span.SetAttributes(accessKey.String(word(e.Access.String())), outcomeKey.String(word(string(e.Outcome))))
		if e.Waited > 0 {
			span.SetAttributes(waitKey.Float64(e.Waited.Seconds()))
		}
	case session.OpCommit:
		span.SetAttributes(
			accessKey.String(word(e.Access.String())), outcomeKey.String(word(string(e.Outcome))),
			fieldsKey.Int(e.Fields), sizeKey.Int(e.Bytes))
		if e.Held > 0 {
			span.SetAttributes(holdKey.Float64(e.Held.Seconds()))
		}
	case session.OpHandleEnd:
		span.SetAttributes(reasonKey.String(string(e.Reason)), attemptKey.Int(e.Attempt), lagKey.Float64(e.Lag.Seconds()))
	}
	if e.Handle != "" { // a session that was new has its handle now
		span.SetAttributes(handleKey.String(e.Handle))
	}
	if e.Err != nil {
		_, kind := session.Classify(e.Err)
		span.SetAttributes(errorKey.String(kind))
		span.SetStatus(codes.Error, kind) // not the text, which names values and may be an application's own
	}
}
