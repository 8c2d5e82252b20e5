package otelsession_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/berthgo/berth/adapters/otelsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// listing is a meter provider that notes the units of instruments, by their names.
type listing struct {
	noop.MeterProvider
	units map[string]string
}

func (l listing) Meter(string, ...metric.MeterOption) metric.Meter {
	return listingMeter{units: l.units}
}

type listingMeter struct {
	noop.Meter
	units map[string]string
}

func (m listingMeter) Int64Counter(name string, o ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	m.units[name] = metric.NewInt64CounterConfig(o...).Unit()
	return noop.Int64Counter{}, nil
}

func (m listingMeter) Int64Histogram(name string, o ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	m.units[name] = metric.NewInt64HistogramConfig(o...).Unit()
	return noop.Int64Histogram{}, nil
}

func (m listingMeter) Float64Histogram(name string, o ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	m.units[name] = metric.NewFloat64HistogramConfig(o...).Unit()
	return noop.Float64Histogram{}, nil
}

func (m listingMeter) Int64ObservableUpDownCounter(name string, o ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	m.units[name] = metric.NewInt64ObservableUpDownCounterConfig(o...).Unit()
	return noop.Int64ObservableUpDownCounter{}, nil
}

// docs/metrics.md lists each metric with its unit.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	has := make(map[string]string)
	stop, err := otelsession.Observe(sessiontest.New(t, session.Options{}).Manager, otelsession.WithMeterProvider(listing{units: has}))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(berth[\\w.]+)` \\| `berth\\w+` \\| (\\S+) \\|").FindAllStringSubmatch(string(text), -1) {
		listed[row[1]] = row[2]
	}
	if !maps.Equal(has, listed) {
		t.Errorf("the page lists %v, and there are %v", listed, has)
	}
}
