//go:build testall

package session_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// The Config names one node of a cluster, and does not say that it is one: whatever is then not found
// there says what to set.
func TestNodeOfAClusterIsNotAServer(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	ctx := context.Background()
	m, err := session.Open(session.Config{URL: "redis://" + cluster.Addrs()[0]}, session.Options{App: "shop", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	for name, call := range map[string]func(id string) error{
		"begin": func(id string) error { _, err := m.Begin(ctx, id, session.Exclusive); return err },
		"read":  func(id string) error { _, err := m.Begin(ctx, id, session.ReadOnly); return err },
		"commit": func(string) error {
			s := begin(t, m, "", session.Exclusive)
			s.Set("k", "v")
			return s.Commit(ctx)
		},
		"end":        func(id string) error { return m.EndHandle(ctx, handleOf(id)) },
		"principals": func(id string) error { _, err := m.SessionsOf(ctx, handleOf(id)); return err },
	} {
		moved := 0
		for range 50 { // two of three are elsewhere
			err := call(session.NewID())
			if err == nil || !strings.Contains(err.Error(), "MOVED") {
				continue
			}
			moved++
			if !strings.Contains(err.Error(), "set Cluster in the Config, or write redis+cluster://") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if moved == 0 {
			t.Errorf("%s: everything is where it was looked for", name)
		}
	}
}
