package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// answer is an error of a server.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestClassify(t *testing.T) {
	t.Parallel()
	failed := func(op string, err error) error { return &session.OpError{Op: op, Err: err} }
	var _ redis.Error = answer("")
	for _, c := range []struct {
		err      error
		op, kind string
	}{
		{nil, "", ""},
		{&session.LockTimeoutError{Handle: "h"}, "begin", "lock_timeout"},
		{fmt.Errorf("%w (Set)", session.ErrSealed), "use", "sealed"},
		{session.ErrLockLost, "commit", "lock_lost"},
		{session.ErrClosed, "other", "closed"},
		{&session.ValueError{Op: "decode", Key: "cart", Err: io.EOF}, "decode", "value"},
		{failed("begin", os.ErrDeadlineExceeded), "begin", "timeout"},
		{failed("begin", redis.ErrPoolTimeout), "begin", "timeout"},
		{failed("commit", context.Canceled), "commit", "canceled"},
		{failed("commit", &net.OpError{Op: "dial", Err: errors.New("refused")}), "commit", "connection"},
		{failed("commit", io.EOF), "commit", "connection"},
		{failed("handle end", answer("READONLY You can't write")), "handle_end", "READONLY"},
		{failed("begin", answer("ERR Error running script: -OOM command not allowed")), "begin", "OOM"},
		{failed("begin", answer("SECRETWORD in a place where codes are")), "begin", "redis"},
		{failed("end", session.ErrForged), "end", "forged"},
		{errors.New("what an application says"), "other", "_OTHER"},
	} {
		if op, kind := session.Classify(c.err); op != c.op || kind != c.kind {
			t.Errorf("%v: it is %q, %q, want %q, %q", c.err, op, kind, c.op, c.kind)
		}
	}
}

// What a handler of ends returns or panics with is known by its operation, and nothing of its text is told.
func TestClassifyFailuresOfHandlers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var heard events
		m, _ := r.Matching(tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		id := saved(t, m)
		if err := m.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		defer m.Observe(heard.observer(t))()
		quit := handleEnds(t, m, func(context.Context, session.Ended) error { return errors.New("of an application") })
		time.Sleep(time.Minute)
		quit()
		all := heard.take(session.OpFailure)
		if len(all) != 1 || !strings.Contains(all[0].Err.Error(), "of an application") {
			t.Fatalf("heard %+v", all)
		}
		if op, kind := session.Classify(all[0].Err); op != "handle_end" || kind != "_OTHER" {
			t.Errorf("it is %q, %q", op, kind)
		}
	})
}

// A middleware commits once more after a handler has committed, and None does nothing at all.
func TestObserveTellsNothingOfNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var heard events
		m, _ := r.Matching(session.Options{})
		id := saved(t, m)
		defer m.Observe(heard.observer(t))()
		commit(t, begin(t, m, id, session.None))
		if len(heard.list) != 0 {
			t.Errorf("of None: %+v", heard.list)
		}
		s := begin(t, m, id, session.Exclusive)
		commit(t, s)
		if err := s.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := heard.take(session.OpCommit); len(all) != 1 {
			t.Errorf("heard of %d commits: %+v", len(all), all)
		}
		s = begin(t, m, id, session.Exclusive)
		s.Rollback(t.Context())
		if err := s.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := heard.take(session.OpCommit); len(all) != 0 {
			t.Errorf("after a rollback: %+v", all)
		}
		if m.App() == "" {
			t.Error("the manager has no App")
		}
	})
}

// To find the live one of several cookies is part of the begin.
func TestObserveBeginAmongSeveralCookies(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var heard events
		m, on := r.Matching(session.Options{FailSilently: true})
		id, gone := saved(t, m), session.NewID()
		defer m.Observe(heard.observer(t))()
		request := session.Request{Headers: http.Header{"Cookie": {"session=" + gone + "; session=" + id}}}
		s, err := m.Adapter().Begin(t.Context(), request, session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		s.Rollback(t.Context())
		if all := heard.take(session.OpBegin); len(all) != 1 || all[0].Outcome != session.OutcomeFound || all[0].Handle != s.Handle() {
			t.Errorf("heard %+v", all)
		}
		on.Arm(r.Key(gone, "Data"), refuse)
		if s, err = m.Adapter().Begin(t.Context(), request, session.Exclusive); err != nil || !s.Detached() {
			t.Fatal(err)
		}
		if all := heard.take(session.OpBegin); len(all) != 1 || all[0].Outcome != session.OutcomeDetached || all[0].Err == nil {
			t.Errorf("where the search failed: %+v", all)
		}
	})
}

// A request that has waited tells so, whatever then comes of it.
func TestObserveWaitsInVain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var heard events
		m, _ := r.Matching(session.Options{})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		defer m.Observe(heard.observer(t))()
		got := r.Waiter(m, id)
		time.Sleep(2 * time.Second)
		s.Abandon()
		commit(t, s)
		got().Rollback(t.Context())
		all := heard.take(session.OpBegin)
		if len(all) != 1 || all[0].Outcome != session.OutcomeDetached || all[0].Waited < 2*time.Second || m.Stats().LockWaits != 1 {
			t.Errorf("heard %+v", all)
		}
	})
}
