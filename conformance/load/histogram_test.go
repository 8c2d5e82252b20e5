//go:build testall

package load

import (
	"math/bits"
	"testing"
	"time"
)

// histogram counts durations. Its size is fixed, so that it does not grow with the load. A quantile is
// at most a sixteenth too high.
type histogram struct {
	counts [64 * 16]uint32
	total  int
}

func slot(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 16 {
		return int(us)
	}
	power := bits.Len64(us) - 5
	return power*16 + int(us>>power)
}

func (h *histogram) add(d time.Duration) {
	h.counts[slot(d)]++
	h.total++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// quantile returns the duration that a part of all, such as 0.99, do not exceed.
func (h *histogram) quantile(part float64) time.Duration {
	left := int(part * float64(h.total))
	for i, n := range h.counts {
		if left -= int(n); left < 0 {
			us := uint64(i)
			if i >= 16 {
				power := i/16 - 1
				us = uint64(i-power*16+1)<<power - 1
			}
			return time.Duration(us) * time.Microsecond
		}
	}
	return 0
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	for _, unit := range []time.Duration{time.Microsecond, time.Millisecond, time.Minute} {
		var h, other histogram
		for i := range 1000 {
			[]*histogram{&h, &other}[i%2].add(time.Duration(i) * unit)
		}
		h.merge(&other)
		for _, part := range []float64{0.01, 0.5, 0.99} {
			exact := time.Duration(part*1000) * unit
			if got := h.quantile(part); got < exact || got > exact+exact/16 {
				t.Errorf("quantile %v of 0 to 999 times %v is %v, want %v", part, unit, got, exact)
			}
		}
	}
}
