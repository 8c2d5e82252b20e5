package otelsession_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

const cart session.Key[string] = "cart"

func TestSpansOfARequest(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{App: "shop"})
	ann := s.SignIn("ann", sessiontest.Values{"cart": "tea"})
	handle := s.Session(ann).Handle()
	s.warm(t)
	s.serve(t, ann, func(_ http.ResponseWriter, r *http.Request) {
		cart.Set(session.FromContext(r.Context()), "tea and jam")
	})

	request, begin, commit := s.span(t, "GET /page"), s.span(t, "berth.begin"), s.span(t, "berth.commit")
	for _, span := range []interface{ Parent() trace.SpanContext }{begin, commit} {
		if span.Parent().SpanID() != request.SpanContext().SpanID() {
			t.Errorf("the parent of %v is not the request", span)
		}
	}
	calls := map[trace.SpanID]int{}
	for _, span := range s.spans.Ended() {
		if span.SpanKind() == trace.SpanKindClient {
			calls[span.Parent().SpanID()]++
		}
	}
	if calls[begin.SpanContext().SpanID()] == 0 || calls[commit.SpanContext().SpanID()] == 0 || len(calls) != 2 {
		t.Errorf("the calls to Redis are below %v, want below begin and commit alone", calls)
	}
	want := map[string]string{"berth.app": "shop", "berth.handle": handle, "berth.access": "exclusive", "berth.outcome": "found"}
	if got := attributes(begin); !maps.Equal(got, want) {
		t.Errorf("begin has %v, want %v", got, want)
	}
	got := attributes(commit)
	if got["berth.lock.hold"] == "" {
		t.Error("the commit does not tell how long the session was held")
	}
	delete(got, "berth.lock.hold")
	want["berth.outcome"], want["berth.fields"], want["berth.size"] = "saved", "1", "17"
	if !maps.Equal(got, want) {
		t.Errorf("commit has %v, want %v", got, want)
	}
	for _, span := range s.spans.Ended() {
		if span.Status().Code == codes.Error {
			t.Errorf("%s has failed", span.Name())
		}
	}
}

// A session that is new has its handle when it was saved.
func TestSpansOfANewSession(t *testing.T) {
	t.Parallel()
	s := setup(t, session.Options{})
	s.warm(t)
	var handle string
	s.serve(t, nil, func(_ http.ResponseWriter, r *http.Request) {
		one := session.FromContext(r.Context())
		cart.Set(one, "tea")
		if err := one.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		handle = one.Handle()
	})
	begin, commit := attributes(s.span(t, "berth.begin")), attributes(s.span(t, "berth.commit"))
	if _, has := begin["berth.handle"]; has || begin["berth.outcome"] != "new" {
		t.Errorf("begin has %v", begin)
	}
	if commit["berth.handle"] != handle || handle == "" || commit["berth.outcome"] != "created" {
		t.Errorf("commit has %v, and the handle is %s", commit, handle)
	}
	s.serve(t, nil, func(_ http.ResponseWriter, r *http.Request) {
		if one, err := s.Manager.Begin(r.Context(), "", session.None); err != nil || one.Commit(r.Context()) != nil {
			t.Error(err)
		}
	})
	if n := len(s.spans.Ended()); n != 2*3+1 { // with one call to Redis; None has no span
		t.Errorf("there are %d spans", n)
	}
}

func TestSpansOfFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, session.Options{LockWait: time.Second, RetryTimeout: 3 * time.Second, FailSilently: true})
		ann := s.SignIn("ann", nil)
		release := s.HoldElsewhere(ann)
		s.serve(t, ann, nil)
		release()
		span := s.span(t, "berth.begin")
		if got := attributes(span); span.Status().Code != codes.Error || got["error.type"] != "lock_timeout" ||
			got["berth.outcome"] != "lock_timeout" || got["berth.lock.wait"] != "1" {
			t.Errorf("a lock that timed out has %v, %v", got, span.Status())
		}
		s.spans.Reset()

		restore := s.FailRedis()
		s.serve(t, ann, func(http.ResponseWriter, *http.Request) {})
		restore()
		span = s.span(t, "berth.begin")
		if got := attributes(span); span.Status().Code != codes.Error || got["error.type"] != "connection" || got["berth.outcome"] != "detached" {
			t.Errorf("without Redis it has %v, %v", got, span.Status())
		}
		if events := span.Events(); len(events) != 4 || events[0].Name != "berth.retry" { // after 20 ms, 1 s, 2 s, and the last
			t.Errorf("the retries are %v", events)
		}
	})
}

func TestSpanOfAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, session.Options{TrackEnd: true, Timeout: time.Minute, EndAttempts: 1})
		ann := s.SignIn("ann", nil)
		handle := s.Session(ann).Handle()
		var inside trace.SpanContext
		s.handleEnds(t, func(ctx context.Context, _ session.Ended) error {
			inside = trace.SpanContextFromContext(ctx)
			return errors.New("an application's own, with what not")
		})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		span := s.span(t, "berth.handle_end")
		if !inside.Equal(span.SpanContext()) {
			t.Error("the handler's context does not have the span")
		}
		got := attributes(span)
		if span.SpanKind() != trace.SpanKindConsumer || got["berth.handle"] != handle || got["berth.reason"] != "expired" ||
			got["berth.attempt"] != "1" || got["berth.end.lag"] == "" || got["error.type"] != "_OTHER" || span.Status().Code != codes.Error {
			t.Errorf("it is of kind %v, with %v, %v", span.SpanKind(), got, span.Status())
		}
	})
}

// handleEnds runs HandleEnd until the test ends.
func (s *site) handleEnds(t *testing.T, handle func(context.Context, session.Ended) error) {
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- s.Manager.HandleEnd(ctx, handle) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
