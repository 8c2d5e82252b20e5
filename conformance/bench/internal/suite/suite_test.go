//go:build testall

package suite_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
	"github.com/berthgo/berth/conformance/bench/internal/target"
	"github.com/berthgo/berth/core/redistest"
)

func TestMain(m *testing.M) {
	if suite.Child(context.Background()) {
		return
	}
	os.Exit(m.Run())
}

// TestRun does everything, but little of it. The clients check each response: every
// target must read back what it wrote.
func TestRun(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	const tick = 2 * time.Millisecond
	r, err := suite.Run(t.Context(), suite.Config{
		Rounds: 1, GrowthRounds: 1, Window: 5 * tick, Warm: tick, Clients: 2, Pool: 4, SignIns: 30,
		Hot:         figure.HotClients{InProcess: 3, Processes: 2, PerProcess: 2},
		GrowClients: []int{1, 3}, GrowFields: []int{1, 10}, GrowSessions: []int{10, 1_500},
		MemorySessions: 8, BigFields: 8, Log: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range r.Workloads {
		for _, row := range w.Rows {
			if len(row.Samples) != 1 || figure.Summarize(row.Of(figure.Rate)).Min <= 0 {
				t.Errorf("%s, %s: %+v", w.Name, row.Target, row.Samples)
			}
			calls := row.Kind != string(target.Empty) && w.Name != suite.WorkNoCookie
			if trips := figure.Summarize(row.Of(figure.Trips)); (trips.Min > 0) != calls {
				t.Errorf("%s, %s: %v round trips", w.Name, row.Target, trips)
			}
		}
	}
	for _, h := range r.Hot {
		for _, s := range h.Samples {
			if s.Alone.Rate <= 0 || s.InProcess.Rate <= 0 || s.Processes.Rate <= 0 || s.Alone.Lost != 0 {
				t.Errorf("hot, %s: %+v", h.Target, s)
			}
		}
	}
	for _, g := range r.Growth {
		for _, l := range g.Lines {
			if len(l.Points) != len(g.Sizes) {
				t.Errorf("%s, %s: %d points", g.What, l.Target, len(l.Points))
			}
		}
	}
	for _, m := range r.Memory {
		if m.Each < float64(m.Content) {
			t.Errorf("memory, %s: %v bytes for %d", m.Target, m.Each, m.Content)
		}
	}
}
