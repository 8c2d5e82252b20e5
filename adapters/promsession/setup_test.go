package promsession_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/berthgo/berth/adapters/promsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

const cart session.Key[string] = "cart"

// site is an application with a registry of its own.
type site struct {
	*sessiontest.Sessions
	registry  *prometheus.Registry
	collector *promsession.Collector
}

func setup(t *testing.T, o session.Options) *site {
	t.Helper()
	s := &site{Sessions: sessiontest.New(t, o), registry: prometheus.NewPedanticRegistry()}
	s.collector = promsession.NewCollector(s.Manager, nil)
	s.registry.MustRegister(s.collector)
	t.Cleanup(s.collector.Stop)
	return s
}

// serve lets a handler answer one request.
func (s *site) serve(t *testing.T, cookie *http.Cookie, handler http.HandlerFunc) {
	t.Helper()
	var cookies []*http.Cookie
	if cookie != nil {
		cookies = append(cookies, cookie)
	}
	response, err := s.Client(httpsession.Middleware(s.Manager)(handler), cookies...).Get("/page")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

// handleEnds runs HandleEnd until the test ends.
func (s *site) handleEnds(t *testing.T, handle func(context.Context, session.Ended) error) {
	done := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- s.Manager.HandleEnd(ctx, handle) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// figures are counters, gauges, and how many values histograms have, by name and values of labels.
func figures(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return read(families)
}

func read(families []*dto.MetricFamily) map[string]float64 {
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetName() != "berth_app" {
					name += " " + l.GetValue()
				}
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// sum adds up the figures of a metric.
func sum(all map[string]float64, name string) (n float64) {
	for key, value := range all {
		if key == name || strings.HasPrefix(key, name+" ") {
			n += value
		}
	}
	return n
}

var (
	described = regexp.MustCompile(`fqName: "(\w+)"`)
	labelled  = regexp.MustCompile(`variableLabels: \{([^}]*)\}`)
)

// names returns which metrics a collector has, and the labels of each.
func names(c prometheus.Collector) map[string][]string {
	to := make(chan *prometheus.Desc)
	go func() { // ends when all are described
		defer close(to)
		c.Describe(to)
	}()
	all := make(map[string][]string)
	for d := range to {
		labels := labelled.FindStringSubmatch(d.String())[1]
		all[described.FindStringSubmatch(d.String())[1]] = strings.FieldsFunc(labels, func(r rune) bool { return r == ',' })
	}
	return all
}
