package redistest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// Not parallel: it looks for what is left in the directory for temporary files.
func TestFailedTopology(t *testing.T) {
	NeedServer(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	starts := map[string]func(context.Context, Options) error{
		"cluster": func(ctx context.Context, o Options) error {
			_, err := StartCluster(ctx, ClusterOptions{Masters: 1, Node: o})
			return err
		},
		"sentinel": func(ctx context.Context, o Options) error {
			_, err := StartSentinel(ctx, SentinelOptions{Replicas: 1, Sentinels: 1, Node: o})
			return err
		},
	}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			err := start(t.Context(), Options{Args: []string{"--maxmemory", "plenty"}})
			if err == nil || !strings.Contains(err.Error(), "maxmemory") {
				t.Errorf("got %v, want what the server said", err)
			}
			for name, o := range map[string]Options{"Dir": {Dir: temp}, "Port": {Port: 7000}, "UnixSocket": {UnixSocket: true}} {
				if err := start(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s: got %v, want an error that names it", name, err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := start(ctx, Options{}); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		})
	}
	_, err := StartCluster(t.Context(), ClusterOptions{Masters: -1})
	_, err2 := StartSentinel(t.Context(), SentinelOptions{FailAfter: -1})
	if err == nil || err2 == nil {
		t.Errorf("negative numbers: %v, %v", err, err2)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
