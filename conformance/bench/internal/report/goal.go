package report

import (
	"fmt"
	"math"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// Goal is a figure that berth is to reach, and what it has reached.
type Goal struct {
	What    string         `json:"what"`
	Bound   string         `json:"goal"`
	Reached figure.Summary `json:"reached"`
	Met     bool           `json:"met"` // by the median

	format func(float64) string
}

// bound is what a median is held against.
type bound struct {
	limit  float64
	atMost bool
	format func(float64) string
}

func atLeast(limit float64, format func(float64) string) bound { return bound{limit, false, format} }
func atMost(limit float64, format func(float64) string) bound  { return bound{limit, true, format} }

func (b bound) String() string {
	if b.atMost {
		return "≤ " + b.format(b.limit)
	}
	return "≥ " + b.format(b.limit)
}

func (b bound) meets(v float64) bool {
	if b.atMost {
		return v <= b.limit
	}
	return v >= b.limit
}

func count(v float64) string   { return fmt.Sprintf("%.4g", v) }
func times(v float64) string   { return fmt.Sprintf("%.2f ×", v) }
func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }
func bytes(v float64) string   { return fmt.Sprintf("%.0f bytes", v) }

// Goals holds the results against the figures that berth is to reach.
func Goals(r figure.Results) []Goal {
	var goals []Goal
	check := func(what string, values []float64, b bound) {
		s := figure.Summarize(values)
		goals = append(goals, Goal{
			What: what, Bound: b.String(), Reached: s, Met: len(values) > 0 && b.meets(s.Median), format: b.format,
		})
	}
	ratio := func(workload string, m figure.Metric, a, b string) []float64 {
		w := r.Workload(workload)
		return figure.Ratios(w.Row(a).Of(m), w.Row(b).Of(m))
	}
	of := func(workload string, m figure.Metric) []float64 {
		return r.Workload(workload).Row(target.NameBerth).Of(m)
	}

	check("round trips without a cookie", rounded(of(suite.WorkNoCookie, figure.Trips)), atMost(0, count))
	check("round trips to read (ReadOnly)", rounded(of(suite.WorkRead, figure.Trips)), atMost(1, count))
	check("round trips to change (Exclusive)", rounded(of(suite.WorkChange, figure.Trips)), atMost(2, count))
	check("changes/s, by those of scs, which does not lock",
		ratio(suite.WorkChange, figure.Rate, target.NameBerth, target.NameSCS), atLeast(1.5, times))
	check("changes/s, by those of gin-contrib",
		ratio(suite.WorkChange, figure.Rate, target.NameBerth, target.NameGinContrib), atLeast(2, times))
	check("changes/s, by those of gin-contrib, both under Gin",
		ratio(suite.WorkChange, figure.Rate, target.NameBerthGin, target.NameGinContrib), atLeast(2, times))
	check("Redis CPU of a change, by that of a bare GET and SET",
		ratio(suite.WorkChange, figure.RedisCPU, target.NameBerth, target.NameGetSet), atMost(1.5, times))
	check("reads/s, by those of scs, whose sessions end a day after they began",
		ratio(suite.WorkRead, figure.Rate, target.NameBerth, target.NameSCS), atLeast(1.2, times))
	check("reads/s, by those of scs with an idle timeout, as berth has",
		ratio(suite.WorkRead, figure.Rate, target.NameBerth, target.NameSCSSliding), atLeast(1.2, times))

	noCookie := r.Workload(suite.WorkNoCookie)
	check("allocations added to a request without a session", rounded(figure.Differences(
		noCookie.Row(target.NameBerth).Of(figure.Allocs),
		noCookie.Row(target.EmptyName(target.NetHTTP)).Of(figure.Allocs),
	)), atMost(3, count))

	hot := hotOf(r, target.NameBerth)
	alone := hot.Of(func(s figure.HotSample) float64 { return s.Alone.Rate })
	each := r.Setting.HotEach
	inProcess := fmt.Sprintf("one session, %d clients of one process", each.InProcess)
	processes := fmt.Sprintf("one session, %d processes × %d clients", each.Processes, each.PerProcess)
	check(inProcess+": changes/s, by those of one client",
		figure.Ratios(hot.Of(func(s figure.HotSample) float64 { return s.InProcess.Rate }), alone), atLeast(0.7, percent))
	check(inProcess+": slowest client, by the fastest",
		hot.Of(func(s figure.HotSample) float64 { return s.InProcess.Fairness }), atLeast(1./3, percent))
	check(processes+": changes/s, by those of one client",
		figure.Ratios(hot.Of(func(s figure.HotSample) float64 { return s.Processes.Rate }), alone), atLeast(0.4, percent))
	check(processes+": slowest client, by the fastest",
		hot.Of(func(s figure.HotSample) float64 { return s.Processes.Fairness }), atLeast(1./3, percent))

	check("bytes sent to Redis to change a small field of a session of 1 MiB",
		of(suite.WorkBig, figure.Sent), atMost(1023, bytes))
	return goals
}

func hotOf(r figure.Results, name string) figure.Hot {
	for _, h := range r.Hot {
		if h.Target == name {
			return h
		}
	}
	return figure.Hot{}
}

// rounded is to a twentieth: the counts are of the whole process, in which a few of many
// thousands belong to no request.
func rounded(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Round(v*20) / 20
	}
	return out
}
