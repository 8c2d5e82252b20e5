package figure_test

import (
	"slices"
	"testing"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
)

func TestSummarize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   figure.Summary
	}{
		{nil, figure.Summary{}},
		{[]float64{3}, figure.Summary{Median: 3, Min: 3, Max: 3}},
		{[]float64{9, 1, 2}, figure.Summary{Median: 2, Min: 1, Max: 9}},
		{[]float64{4, 1, 2, 9}, figure.Summary{Median: 3, Min: 1, Max: 9}},
	} {
		in := slices.Clone(c.values)
		if got := figure.Summarize(c.values); got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.values, got, c.want)
		}
		if !slices.Equal(in, c.values) {
			t.Errorf("the rounds were reordered: %v became %v", in, c.values)
		}
	}
}

// The median of ratios is not the ratio of medians: a round that was slow for both must
// not count.
func TestRatiosAreOfRounds(t *testing.T) {
	t.Parallel()
	a, b := []float64{200, 20, 190}, []float64{100, 10, 100}
	if got := figure.Summarize(figure.Ratios(a, b)).Median; got != 2 {
		t.Errorf("got %v, want 2", got)
	}
	if got := figure.Ratios([]float64{1, 2, 3}, []float64{0, 4}); !slices.Equal(got, []float64{0.5}) {
		t.Errorf("rounds without a pair, or by 0: %v, want [0.5]", got)
	}
	if got := figure.Differences([]float64{5, 5}, []float64{2, 3}); !slices.Equal(got, []float64{3, 2}) {
		t.Errorf("got %v, want [3 2]", got)
	}
}

func TestNoise(t *testing.T) {
	t.Parallel()
	row := func(rates ...float64) figure.Row {
		var r figure.Row
		for _, rate := range rates {
			r.Samples = append(r.Samples, figure.Sample{Rate: rate})
		}
		return r
	}
	r := figure.Results{Workloads: []figure.Workload{
		{Rows: []figure.Row{row(95, 100, 105), row(50, 100, 150)}}, {Rows: []figure.Row{row(90, 110, 100)}},
	}}
	if got := r.Noise(); got != 0.2 {
		t.Errorf("got %v, want 0.2", got)
	}
	if got := (figure.Results{}).Noise(); got != 0 {
		t.Errorf("nothing measured: got %v, want 0", got)
	}
}
