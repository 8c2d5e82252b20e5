package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/report"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// ideal are results that meet all goals, and just so.
func ideal() figure.Results {
	row := func(name string, f target.Framework, s figure.Sample) figure.Row {
		return figure.Row{Target: name, Framework: string(f), Kind: string(target.Peer), Samples: []figure.Sample{s}}
	}
	return figure.Results{
		Setting: figure.Setting{HotEach: figure.HotClients{InProcess: 32, Processes: 4, PerProcess: 8}},
		Workloads: []figure.Workload{
			{Name: suite.WorkNoCookie, Rows: []figure.Row{
				row(target.NameBerth, target.NetHTTP, figure.Sample{Allocs: 23.01}),
				row(target.EmptyName(target.NetHTTP), target.NetHTTP, figure.Sample{Allocs: 20}),
			}},
			{Name: suite.WorkRead, Rows: []figure.Row{
				row(target.NameBerth, target.NetHTTP, figure.Sample{Rate: 1200, Trips: 1.001}),
				row(target.NameSCS, target.NetHTTP, figure.Sample{Rate: 1000}),
				row(target.NameSCSSliding, target.NetHTTP, figure.Sample{Rate: 1000}),
			}},
			{Name: suite.WorkChange, Rows: []figure.Row{
				row(target.NameBerth, target.NetHTTP, figure.Sample{Rate: 1500, Trips: 2, RedisCPU: 30}),
				row(target.NameBerthGin, target.Gin, figure.Sample{Rate: 1500}),
				row(target.NameSCS, target.NetHTTP, figure.Sample{Rate: 1000}),
				row(target.NameGinContrib, target.Gin, figure.Sample{Rate: 750}),
				row(target.NameGetSet, target.NetHTTP, figure.Sample{RedisCPU: 20}),
			}},
			{Name: suite.WorkBig, Rows: []figure.Row{
				row(target.NameBerth, target.NetHTTP, figure.Sample{Sent: 1023}),
			}},
		},
		Hot: []figure.Hot{{Target: target.NameBerth, Samples: []figure.HotSample{{
			Alone:     figure.HotRun{Rate: 1000},
			InProcess: figure.HotRun{Rate: 700, Fairness: 0.5},
			Processes: figure.HotRun{Rate: 400, Fairness: 0.34},
		}}}},
		Growth: []figure.Growth{
			{What: suite.GrowClients, Sizes: []int{1}},
			{What: suite.GrowFields, Sizes: []int{1}},
			{What: suite.GrowSessions, Sizes: []int{1}},
		},
	}
}

func TestGoals(t *testing.T) {
	t.Parallel()
	all := len(report.Goals(ideal()))
	for _, g := range report.Goals(ideal()) {
		if !g.Met {
			t.Errorf("%s: %v misses %s", g.What, g.Reached, g.Bound)
		}
	}
	for _, g := range report.Goals(figure.Results{}) {
		if g.Met {
			t.Errorf("%s: met, though nothing was measured", g.What)
		}
	}

	berth := func(r *figure.Results, workload int) *figure.Sample { return &r.Workloads[workload].Rows[0].Samples[0] }
	hot := func(r *figure.Results) *figure.HotSample { return &r.Hot[0].Samples[0] }
	for what, c := range map[string]struct {
		spoil  func(r *figure.Results)
		missed int
	}{
		"a call without a cookie":  {func(r *figure.Results) { berth(r, 0).Trips = 1 }, 1},
		"one more allocation":      {func(r *figure.Results) { berth(r, 0).Allocs = 24 }, 1},
		"two trips to read":        {func(r *figure.Results) { berth(r, 1).Trips = 2 }, 1},
		"slower reads":             {func(r *figure.Results) { berth(r, 1).Rate = 1199 }, 2},
		"three trips to change":    {func(r *figure.Results) { berth(r, 2).Trips = 3 }, 1},
		"slower changes":           {func(r *figure.Results) { berth(r, 2).Rate = 1499 }, 2},
		"slower under Gin":         {func(r *figure.Results) { r.Workloads[2].Rows[1].Samples[0].Rate = 1499 }, 1},
		"more Redis CPU":           {func(r *figure.Results) { berth(r, 2).RedisCPU = 31 }, 1},
		"all of the session sent":  {func(r *figure.Results) { berth(r, 3).Sent = 1024 }, 1},
		"slow when hot":            {func(r *figure.Results) { hot(r).InProcess.Rate = 699 }, 1},
		"starving":                 {func(r *figure.Results) { hot(r).InProcess.Fairness = 0.3 }, 1},
		"slow between processes":   {func(r *figure.Results) { hot(r).Processes.Rate = 399 }, 1},
		"unfair between processes": {func(r *figure.Results) { hot(r).Processes.Fairness = 0.3 }, 1},
	} {
		r := ideal()
		c.spoil(&r)
		met := 0
		for _, g := range report.Goals(r) {
			if g.Met {
				met++
			}
		}
		if met != all-c.missed {
			t.Errorf("%s: %d of %d goals are met, want %d", what, met, all, all-c.missed)
		}
	}
}

func TestGrowthTable(t *testing.T) {
	t.Parallel()
	line := func(name string, rates ...float64) figure.Line {
		l := figure.Line{Target: name}
		for _, rate := range rates {
			l.Points = append(l.Points, figure.Row{Samples: []figure.Sample{{Rate: rate, RedisCPU: 7}, {Rate: 2 * rate, RedisCPU: 9}}})
		}
		return l
	}
	r := figure.Results{Growth: []figure.Growth{{
		What: suite.GrowClients, Sizes: []int{1, 256},
		Lines: []figure.Line{line(target.NameSCS, 100, 50), line(target.NameBerth, 120, 180)},
	}, {
		What: suite.GrowFields, Sizes: []int{1, 10},
		Lines: []figure.Line{line(target.NameSCS, 100, 50)},
	}}}
	text := map[string]string{}
	for _, table := range report.Tables(r) {
		text[table.Title] = table.Markdown()
	}
	clients, fields := text["growth: "+suite.GrowClients], text["growth: "+suite.GrowFields]
	for _, want := range []string{
		"| 1 | 256 | most |",
		"| 150 (8 µs), 1.20 × | 75 (8 µs), 3.60 × | 150, 1.80 × |",
		"| 180 (8 µs) | 270 (8 µs) | 270 |",
	} {
		if !strings.Contains(clients, want) {
			t.Errorf("without %q:\n%s", want, clients)
		}
	}
	if strings.Contains(fields, "most") || !strings.Contains(fields, "150 (8 µs), – × |") {
		t.Errorf("without berth:\n%s", fields)
	}
}

func TestWriteDocs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := report.WriteDocs(folder, ideal()); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"benchmarks.md": "15 of 15 are met", "benchmarks.png": "PNG", "benchmarks.json": `"met": true`,
	} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, or without %q", file, err, want)
		}
	}
	again, err := report.ReadJSON(filepath.Join(folder, "benchmarks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	report.Print(&first, ideal())
	report.Print(&second, again)
	if first.String() != second.String() {
		t.Errorf("JSON does not keep all:\n%s\n%s", first.String(), second.String())
	}
}
