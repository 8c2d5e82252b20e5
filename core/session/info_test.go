package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// all are the handles of all live sessions.
func all(t *testing.T, m *session.Manager) []string {
	t.Helper()
	var list []string
	for info, err := range m.Sessions(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, info.Handle)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestSessions(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		count := 700 // more than one step of a scan
		if r.Mini != nil {
			count = 30
		}
		for name, o := range map[string]session.Options{
			"":         {},
			"-tracked": {TrackEnd: true},
		} {
			o.App = r.App + name
			m := r.Manager(o)
			// Applications whose keys look alike.
			neighbours := []*session.Manager{
				r.Manager(session.Options{App: o.App + "_x"}),
				r.Manager(session.Options{App: o.App, KeySeparator: "__"}),
				r.Manager(session.Options{App: "x" + o.App}),
			}
			for _, n := range neighbours {
				saved(t, n)
			}
			var want []string
			var ids []string
			for i := range count {
				s := begin(t, m, "", session.Exclusive)
				s.Set("n", i)
				commit(t, s)
				ids = append(ids, s.ID())
				want = append(want, s.Handle())
			}
			if err := m.End(ctx, ids[0]); err != nil {
				t.Fatal(err)
			}
			want = want[1:]
			slices.Sort(want)
			if got := all(t, m); !slices.Equal(got, want) {
				t.Errorf("%q: found %d sessions, want %d", o.App, len(got), len(want))
			}
			for info, err := range m.Sessions(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if info.Size < len("n0") || info.Left > 20*time.Minute || info.Left < 15*time.Minute || info.Idle > 5*time.Minute {
					t.Errorf("size %d, left %v, idle %v", info.Size, info.Left, info.Idle)
				}
				break // ends the scan
			}
			for info, err := range m.Sessions(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if err := info.End(ctx); err != nil {
					wantErr(t, err, session.ErrUnknown) // one that came twice
				}
			}
			if got := all(t, m); len(got) != 0 {
				t.Errorf("%q: %d are left", o.App, len(got))
			}
			for i, n := range neighbours {
				if len(all(t, n)) != 1 {
					t.Errorf("%q: a session of neighbour %d ended", o.App, i)
				}
			}
		}
	})
}

// Looking at sessions is no use of them.
func TestSessionsDoNotTouch(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, o := range []session.Options{{Timeout: time.Minute}, tracked()} {
			m := r.Manager(o)
			s := begin(t, m, "", session.Exclusive)
			s.SetPrincipal("ann")
			commit(t, s)
			time.Sleep(20 * time.Second)
			for range 2 {
				infos, err := m.SessionsOf(context.Background(), "ann")
				if err != nil || len(infos) != 1 || infos[0].Idle != 20*time.Second || infos[0].Left != 40*time.Second {
					t.Fatalf("idle and left are wrong: %+v (%v)", infos, err)
				}
				all(t, m)
			}
			time.Sleep(40 * time.Second)
			if n := len(all(t, m)); n != 0 {
				t.Errorf("%d are alive", n)
			}
		}
	})
}

func TestSessionsWhenRedisFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		saved(t, m)
		f.Then(refuse)
		n := 0
		for info, err := range m.Sessions(context.Background()) {
			n++
			var failed *session.OpError
			if !errors.As(err, &failed) || info.Handle != "" {
				t.Errorf("error is %v", err)
			}
		}
		if _, last := m.LastError(); n != 1 || last == nil {
			t.Errorf("%d results, last error %v", n, last)
		}
	})
}

// KEYS would block the server for all of its clients.
func TestSessionsScan(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	client := r.NewClient()
	seen := &commands{}
	client.AddHook(seen)
	m := r.ManagerOn(client, session.Options{})
	saved(t, m)
	all(t, m)
	if seen.names["keys"] != 0 || seen.names["scan"] == 0 {
		t.Errorf("used %v", seen.names)
	}
}

// commands counts what a client sends.
type commands struct{ names map[string]int }

func (c *commands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if c.names == nil {
			c.names = map[string]int{}
		}
		c.names[cmd.Name()]++
		return next(ctx, cmd)
	}
}

func (c *commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
