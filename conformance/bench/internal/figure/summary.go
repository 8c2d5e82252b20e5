package figure

import "github.com/montanaflynn/stats"

// Summary is the median of several rounds, and the smallest and the largest.
type Summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize returns the zero Summary for no values.
func Summarize(values []float64) Summary {
	median, err := stats.Median(values)
	if err != nil {
		return Summary{}
	}
	lowest, _ := stats.Min(values) // err is for no values, as above
	highest, _ := stats.Max(values)
	return Summary{Median: median, Min: lowest, Max: highest}
}

// Ratios divides round by round, because what disturbs a round disturbs all of it. Rounds
// that only one of the two has, and those where b is 0, are left out.
func Ratios(a, b []float64) []float64 {
	return pairs(a, b, func(x, y float64) (float64, bool) { return x / y, y != 0 })
}

// Differences subtracts round by round.
func Differences(a, b []float64) []float64 {
	return pairs(a, b, func(x, y float64) (float64, bool) { return x - y, true })
}

func pairs(a, b []float64, f func(x, y float64) (float64, bool)) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		if v, ok := f(a[i], b[i]); ok {
			out = append(out, v)
		}
	}
	return out
}

// Noise is how far rounds of the same are apart: the best rate less the worst, by the
// median. Half of all targets, in all workloads, have less of it and half have more.
func (r Results) Noise() float64 {
	var spreads []float64
	for _, w := range r.Workloads {
		for _, row := range w.Rows {
			if s := Summarize(row.Of(Rate)); s.Median > 0 {
				spreads = append(spreads, (s.Max-s.Min)/s.Median)
			}
		}
	}
	return Summarize(spreads).Median
}
