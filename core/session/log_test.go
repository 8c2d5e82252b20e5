package session_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// lines is a log that goroutines write and the test reads.
type lines struct {
	mu  sync.Mutex
	log bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

// take returns what was written since the last take.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.log.Reset()
	return l.log.String()
}

// A line of the log says which session and which request it is about, and no secret.
func TestLogSaysWho(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var log lines
		m, on := r.Matching(session.Options{LockWait: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		id := saved(t, m)
		request := session.Request{
			Headers: http.Header{"Cookie": {"session=" + id}}, Method: "POST", Path: "/cart/add/" + id, Host: "shop.example",
		}
		says := func(what string) {
			t.Helper()
			line := log.take()
			if strings.Count(line, "\n") != 1 || !strings.Contains(line, "method=POST path=/cart/add") ||
				!strings.Contains(line, "handle="+handleOf(id)) || strings.Contains(line, id[27:]) {
				t.Errorf("%s: the log says %q", what, line)
			}
		}
		s, err := m.Adapter().Begin(t.Context(), request, session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Adapter().Begin(t.Context(), request, session.Exclusive)
		var timeout *session.LockTimeoutError
		if !errors.As(err, &timeout) || timeout.Handle != handleOf(id) {
			t.Errorf("the second gets %v", err)
		}
		says("held by another")
		s.Set("n", 1)
		on.Arm(r.Key(id, "Data"), refuse)
		if s.Commit(t.Context()) == nil {
			t.Error("the commit did not fail")
		}
		says("a failed commit")
		s.Rollback(t.Context())
	})
}

// A lost lease is told once: by the commit that finds it, or by the rollback.
func TestLostLeaseIsToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{LockTTL: time.Second, LockHold: time.Second, Hooks: session.Hooks{
			OnError: func(_ context.Context, err error) { told = append(told, err) },
		}})
		for name, end := range map[string]func(s *session.Session){
			"commit":   func(s *session.Session) { wantErr(t, s.Commit(t.Context()), session.ErrLockLost) },
			"rollback": func(s *session.Session) { s.Rollback(t.Context()) },
		} {
			told = nil
			s := begin(t, m, saved(t, m), session.Exclusive)
			s.Set("n", 1)
			<-s.Lost()
			if len(told) != 0 {
				t.Errorf("%s: told before anything was lost: %v", name, told)
			}
			end(s)
			s.Rollback(t.Context())
			if len(told) != 1 || !errors.Is(told[0], session.ErrLockLost) {
				t.Errorf("%s: told %v", name, told)
			}
		}
	})
}

// Of many failures of one kind, ten get a line, and one line says how many more there were.
func TestFloodIsSummedUp(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var log lines
		failures := 0
		m := r.Manager(session.Options{
			LockWait: -1, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Hooks: session.Hooks{OnError: func(context.Context, error) { failures++ }},
		})
		id := saved(t, m)
		holder := begin(t, m, id, session.Exclusive)
		for range 1000 {
			if _, err := m.Begin(t.Context(), id, session.Exclusive); err == nil {
				t.Fatal("not held")
			}
		}
		time.Sleep(2 * time.Second)
		said := log.take()
		if n := strings.Count(said, "\n"); n != 11 || !strings.Contains(said, "count=990") || failures != 1000 {
			t.Errorf("%d lines, %d failures: %s", n, failures, said)
		}
		_, _ = m.Begin(t.Context(), id, session.Exclusive)
		if n := strings.Count(log.take(), "\n"); n != 1 {
			t.Errorf("the next one has %d lines", n)
		}
		holder.Rollback(t.Context())
		time.Sleep(2 * time.Second)
	})
}

// Each end whose handler has failed has a line of its own: no other line has its handle.
func TestFloodOfFailedEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var log lines
		m := r.Manager(session.Options{TrackEnd: true, EndAttempts: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		var handles []string
		for range 25 {
			id := saved(t, m)
			if err := m.End(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			handles = append(handles, handleOf(id))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := m.HandleEnd(ctx, func(_ context.Context, e session.Ended) error {
			_, err := session.Get[int](e.Session, "no such value")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		said := log.take()
		for _, handle := range handles {
			if !strings.Contains(said, handle) {
				t.Fatalf("nothing of %s in: %s", handle, said)
			}
		}
	})
}
