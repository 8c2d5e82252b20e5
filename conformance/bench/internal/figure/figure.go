// Package figure is what the benchmark has measured, as it is written to JSON, and the
// arithmetic on it.
package figure

import (
	"slices"
	"time"
)

// Results are all figures of one run of the program.
type Results struct {
	Setting   Setting    `json:"setting"`
	Workloads []Workload `json:"workloads"`
	Hot       []Hot      `json:"hot_session"`
	Growth    []Growth   `json:"growth"`
	Memory    []Memory   `json:"memory"`
}

// Setting is under which circumstances.
type Setting struct {
	Date         string            `json:"date"`
	Machine      string            `json:"machine"` // its size, and nothing that would tell which it is
	Go           string            `json:"go"`
	Redis        string            `json:"redis"`
	Libraries    map[string]string `json:"libraries"` // path to version
	Quick        bool              `json:"quick"`
	Rounds       int               `json:"rounds"`
	GrowthRounds int               `json:"growth_rounds"`
	Window       time.Duration     `json:"window_ns"` // of one target in one round
	Pool         int               `json:"connections"`
	HotEach      HotClients        `json:"hot_clients"`
	Took         time.Duration     `json:"took_ns"`
}

// HotClients is how many clients there are in one hot session.
type HotClients struct {
	InProcess  int `json:"in_process"`
	Processes  int `json:"processes"`
	PerProcess int `json:"per_process"`
}

// Workload is one kind of work, done by several targets in turn.
type Workload struct {
	Name    string `json:"name"`
	Clients int    `json:"clients"`
	Fields  int    `json:"fields"`
	Size    int    `json:"field_bytes"`
	Rows    []Row  `json:"targets"`
}

// Row is one target's samples, one for each round.
type Row struct {
	Target    string   `json:"target"`
	Framework string   `json:"framework"`
	Kind      string   `json:"kind"`
	Samples   []Sample `json:"rounds"`
}

// Sample is what one target did in one round. All but Rate is per request.
type Sample struct {
	Rate      float64 `json:"requests_per_s"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	RedisCPU  float64 `json:"redis_cpu_us"`
	ClientCPU float64 `json:"process_cpu_us"` // with the load generator and the web server
	Allocs    float64 `json:"process_allocs"`
	Trips     float64 `json:"round_trips"`            // of a request that is alone
	Shared    float64 `json:"round_trips_under_load"` // fewer where requests share one
	Sent      float64 `json:"bytes_to_redis"`
}

// Metric picks one figure of a sample.
type Metric func(Sample) float64

// The metrics.
var (
	Rate      Metric = func(s Sample) float64 { return s.Rate }
	P50       Metric = func(s Sample) float64 { return s.P50 }
	P99       Metric = func(s Sample) float64 { return s.P99 }
	RedisCPU  Metric = func(s Sample) float64 { return s.RedisCPU }
	ClientCPU Metric = func(s Sample) float64 { return s.ClientCPU }
	Allocs    Metric = func(s Sample) float64 { return s.Allocs }
	Trips     Metric = func(s Sample) float64 { return s.Trips }
	Shared    Metric = func(s Sample) float64 { return s.Shared }
	Sent      Metric = func(s Sample) float64 { return s.Sent }
)

// Of returns one figure of all rounds.
func (r Row) Of(m Metric) []float64 {
	out := make([]float64, len(r.Samples))
	for i, s := range r.Samples {
		out[i] = m(s)
	}
	return out
}

// Row returns a target's samples, and an empty row if it has none.
func (w Workload) Row(target string) Row {
	if i := slices.IndexFunc(w.Rows, func(r Row) bool { return r.Target == target }); i >= 0 {
		return w.Rows[i]
	}
	return Row{Target: target}
}

// Workload returns the one of a name, and an empty one if there is none.
func (r Results) Workload(name string) Workload {
	if i := slices.IndexFunc(r.Workloads, func(w Workload) bool { return w.Name == name }); i >= 0 {
		return r.Workloads[i]
	}
	return Workload{Name: name}
}

// Hot is how one target serves many clients of one session.
type Hot struct {
	Target  string      `json:"target"`
	Locks   bool        `json:"locks"`
	Samples []HotSample `json:"rounds"`
}

// HotSample is one round.
type HotSample struct {
	// Alone is one client, whose requests follow each other.
	Alone HotRun `json:"one_client"`
	// InProcess is many clients of one server.
	InProcess HotRun `json:"one_process"`
	// Processes is the same session served by several processes.
	Processes HotRun `json:"processes"`
}

// HotRun is many clients that each change the one session.
type HotRun struct {
	Rate float64 `json:"requests_per_s"`
	// Fairness is the requests of the slowest client by those of the fastest.
	Fairness float64 `json:"slowest_by_fastest"`
	// Longest is the longest that a request took, in ms.
	Longest float64 `json:"longest_ms"`
	// Lost is the share of changes that another request has overwritten.
	Lost float64 `json:"lost"`
}

// Of returns one figure of all rounds.
func (h Hot) Of(metric func(HotSample) float64) []float64 {
	out := make([]float64, len(h.Samples))
	for i, s := range h.Samples {
		out[i] = metric(s)
	}
	return out
}

// Growth is a workload at several sizes of one thing.
type Growth struct {
	What  string `json:"what"`
	Lines []Line `json:"targets"`
	Sizes []int  `json:"sizes"`
}

// GrowthOf returns that of one thing, and an empty one if there is none.
func (r Results) GrowthOf(what string) Growth {
	if i := slices.IndexFunc(r.Growth, func(g Growth) bool { return g.What == what }); i >= 0 {
		return r.Growth[i]
	}
	return Growth{What: what}
}

// Line is one target, with a row for each size.
type Line struct {
	Target string `json:"target"`
	Points []Row  `json:"points"`
}

// Line returns that of a target, and an empty one if it has none.
func (g Growth) Line(target string) Line {
	if i := slices.IndexFunc(g.Lines, func(l Line) bool { return l.Target == target }); i >= 0 {
		return g.Lines[i]
	}
	return Line{Target: target, Points: make([]Row, len(g.Sizes))}
}

// Most is the highest rate of each round, whatever the size.
func (l Line) Most() []float64 {
	var most []float64
	for _, p := range l.Points {
		for round, rate := range p.Of(Rate) {
			if round == len(most) {
				most = append(most, 0)
			}
			most[round] = max(most[round], rate)
		}
	}
	return most
}

// Memory is what the sessions of one target take in Redis.
type Memory struct {
	Target   string  `json:"target"`
	Sessions int     `json:"sessions"`
	Content  int     `json:"content_bytes"` // of one session
	Each     float64 `json:"bytes_per_session"`
}
