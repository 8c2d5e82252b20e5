package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// A deploy changes a value's type: the visitor goes on, and OnError hears of it once.
func TestGetOr(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) { told = append(told, err) }}})
		id := saved(t, m, "count", "many", "other", 1)
		const count session.Key[int] = "count"
		s := begin(t, m, id, session.Exclusive)
		for range 3 {
			if n := count.GetOr(s, 7); n != 7 {
				t.Errorf("the value is %d", n)
			}
			if _, err := count.Get(s); err == nil {
				t.Error("it was decoded")
			}
		}
		var failed *session.ValueError
		if len(told) != 1 || !errors.As(told[0], &failed) || failed.Key != "count" {
			t.Errorf("told %v", told)
		}
		if n := session.GetOr(s, "none", 5); n != 5 || session.GetOr(s, "other", 5) != 1 || len(told) != 1 {
			t.Errorf("an absent value is %d, told %v", n, told)
		}
		count.Set(s, 8)
		commit(t, s)
		if n := count.GetOr(view(t, m, id), 0); n != 8 {
			t.Errorf("after it was set it is %d", n)
		}
	})
}

type shape interface{ Area() int }

// What would be lost, or could not be read again, is an error at Set.
func TestSetRefusesWhatWouldBeLost(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		type hidden struct{ n int }
		for name, set := range map[string]func(s *session.Session){
			"no exported fields": func(s *session.Session) { s.Set("k", hidden{1}) },
			"a pointer to that":  func(s *session.Session) { s.Set("k", &hidden{1}) },
			"an interface":       func(s *session.Session) { session.Key[shape]("k").Set(s, nil) },
		} {
			s := begin(t, m, "", session.Exclusive)
			set(s)
			if err := s.Commit(context.Background()); err == nil || !strings.Contains(err.Error(), `"k"`) {
				t.Errorf("%s: %v", name, err)
			}
			s.Rollback(context.Background())
		}
		s := begin(t, m, "", session.Exclusive)
		s.Set("time", time.Unix(5, 0))
		s.Set("empty", struct{}{})
		s.Set("embedded", struct{ time.Time }{time.Unix(5, 0)})
		s.Set("nil", nil)
		session.Key[any]("any").Set(s, 1)
		commit(t, s)
	})
}

// An encoding error says why, if that tells nothing of the value.
func TestEncodingErrorSaysWhy(t *testing.T) {
	t.Parallel()
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		r := onReal(t)
		m := r.Manager(session.Options{Codec: codec})
		s := begin(t, m, "", session.Exclusive)
		s.Set("k", make(chan int))
		err := s.Commit(context.Background())
		if err == nil || !strings.Contains(err.Error(), "chan int") || !strings.Contains(err.Error(), "("+name) {
			t.Errorf("%s: %v", name, err)
		}
		s.Rollback(context.Background())
	}
}

// More values than MaxFields are too many; a session that has more already may shrink.
func TestMaxFields(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, generous := r.Manager(session.Options{MaxFields: 3}), r.Manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		for i := range 4 {
			s.Set(fmt.Sprint(i), i)
		}
		wantErr(t, s.Commit(context.Background()), session.ErrTooLarge)
		s.Delete("0")
		commit(t, s)

		id := saved(t, generous, "a", 1, "b", 1, "c", 1, "d", 1, "e", 1)
		s = begin(t, m, id, session.Exclusive)
		s.Delete("a")
		s.Set("b", 2)
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		s.Set("f", 1)
		wantErr(t, s.Commit(context.Background()), session.ErrTooLarge)
		s.Rollback(context.Background())
		if n := view(t, m, id).Len(); n != 4 {
			t.Errorf("%d values, want 4", n)
		}

		s = begin(t, generous, "", session.Exclusive)
		for i := range 1001 {
			s.Set(fmt.Sprint(i), i)
		}
		wantErr(t, s.Commit(context.Background()), session.ErrTooLarge)
		s.Rollback(context.Background())
	})
}

// SetTimeout(0) goes back to Options.Timeout.
func TestSetTimeoutZero(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Minute})
		s := begin(t, m, saved(t, m), session.Exclusive)
		s.SetTimeout(time.Hour)
		commit(t, s)
		s = begin(t, m, s.ID(), session.Exclusive)
		s.SetTimeout(0)
		commit(t, s)
		if left := r.Client.PTTL(context.Background(), r.Key(s.ID(), "Data")).Val(); left > 10*time.Minute || left < 9*time.Minute {
			t.Errorf("%v are left", left)
		}
	})
}

// Do in a handler, for the handler's own session, is an error at once.
func TestDoOfTheOwnSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id, other := saved(t, m), saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		ctx := session.NewContext(context.Background(), s)
		never := func(*session.Session) error { t.Error("called"); return nil }
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			if err := m.Do(ctx, id, access, never); err == nil || !strings.Contains(err.Error(), "FromContext") {
				t.Errorf("%v: %v", access, err)
			}
			if err := m.DoHandle(ctx, s.Handle(), access, never); err == nil {
				t.Errorf("%v: DoHandle took it", access)
			}
		}
		if err := m.Do(ctx, other, session.Exclusive, func(*session.Session) error { return nil }); err != nil {
			t.Errorf("another session: %v", err)
		}
		commit(t, s)
		if err := m.Do(ctx, id, session.Exclusive, func(*session.Session) error { return nil }); err != nil {
			t.Errorf("after the commit: %v", err)
		}
	})
}

// A middleware behind another one changes the access, unless the session is in use.
func TestChangeAccess(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, other := r.Manager(session.Options{}), r.Manager(session.Options{LockWait: -1})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		ctx := session.NewContext(context.Background(), s)
		for _, access := range []session.Access{session.ReadOnly, session.None, session.Shared, session.Exclusive, session.ReadOnly} {
			if err := m.Adapter().ChangeAccess(ctx, access); err != nil || s.Access() != access {
				t.Fatalf("%v: %v", access, err)
			}
			holder, err := other.Begin(context.Background(), id, session.Exclusive)
			if (err == nil) != (access != session.Exclusive) {
				t.Errorf("%v: another request gets %v", access, err)
			}
			if err == nil {
				holder.Rollback(context.Background())
			}
		}
		if n := get[int](t, s, "n"); n != 1 {
			t.Errorf("n is %d", n)
		}
		if err := m.Adapter().ChangeAccess(ctx, session.Exclusive); err == nil || s.Access() != session.ReadOnly {
			t.Errorf("changed although it was read: %v", err)
		}
		commit(t, s)
		if err := m.Adapter().ChangeAccess(context.Background(), session.None); err == nil {
			t.Error("changed without a session")
		}
	})
}

// Of several cookies the first with a live session counts, without touching any; one costs nothing.
func TestFirstLiveCookie(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client, count := r.NewClient(), &trips{}
		m := r.ManagerOn(client, session.Options{})
		live, second, gone := saved(t, m, "n", 1), saved(t, m), saved(t, m)
		if err := m.End(ctx, gone); err != nil {
			t.Fatal(err)
		}
		left := saved(t, m)
		s := begin(t, m, left, session.Shared)
		s.Abandon()
		commit(t, s)
		stolen := handleOf(live) + session.NewID()[26:]
		client.AddHook(count)
		for name, c := range map[string]struct {
			ids   []string
			want  string
			trips int64
		}{
			"one":                {[]string{live}, live, 1},
			"the same twice":     {[]string{live, live}, live, 1},
			"unknown first":      {[]string{session.NewID(), live}, live, 2},
			"ended first":        {[]string{gone, live}, live, 2},
			"abandoned first":    {[]string{left, live}, live, 2},
			"two that live":      {[]string{live, second}, live, 2},
			"another secret":     {[]string{stolen, live}, live, 2},
			"malformed first":    {[]string{"x", live}, live, 1},
			"four dead, a fifth": {[]string{session.NewID(), session.NewID(), session.NewID(), session.NewID(), live}, "", 2},
		} {
			for _, access := range []session.Access{session.ReadOnly, session.None} {
				request := http.Header{"Cookie": {"session=" + strings.Join(c.ids, "; session=")}}
				again, err := m.Adapter().Begin(ctx, session.Request{Headers: request}, access) // loads the scripts
				if err != nil {
					t.Fatal(err)
				}
				commit(t, again)
				count.N.Store(0)
				s, err := m.Adapter().Begin(ctx, session.Request{Headers: request}, access)
				if err != nil {
					t.Fatal(err)
				}
				n := count.N.Load()
				if access == session.None {
					if n != 0 {
						t.Errorf("%s: %d round trips with None", name, n)
					}
					continue
				}
				if s.ID() != c.want || n > c.trips {
					t.Errorf("%s: another one counts, or it took %d round trips", name, n)
				}
				commit(t, s)
			}
		}
		s, err := m.Adapter().Begin(ctx, session.Request{Headers: http.Header{"Cookie": {"session=" + gone + "; session=" + session.NewID()}}}, session.Exclusive)
		if err != nil || s.PreviousEnd() != session.Operator {
			t.Errorf("none is live, and the first is forgotten: %v", err)
		}
		s.Rollback(ctx)
	})
}

func TestNilClients(t *testing.T) {
	t.Parallel()
	var none *redis.Client
	if _, err := session.New(none, session.Options{}); err == nil {
		t.Error("took a nil *redis.Client")
	}
	if status, after := session.HTTPStatus(nil); status != http.StatusOK || after != 0 {
		t.Errorf("no error is %d", status)
	}
}
