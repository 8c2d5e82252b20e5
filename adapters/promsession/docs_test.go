package promsession_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"github.com/berthgo/berth/core/session"
)

// word is a metric or a label of berth in an expression, or a label of all.
var word = regexp.MustCompile(`\b(berth_\w+|error_type)\b`)

// check reports what an expression names that no metric or label is called.
func check(t *testing.T, has map[string][]string, expression string) {
	t.Helper()
	labels := []string{"berth_app"}
	for _, of := range has {
		labels = append(labels, of...)
	}
	found := word.FindAllString(expression, -1)
	if len(found) == 0 {
		t.Errorf("%s names no metric", expression)
	}
	for _, name := range found {
		base := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if cut, ok := strings.CutSuffix(name, suffix); ok {
				base = cut
			}
		}
		if _, ok := has[base]; !ok && !slices.Contains(labels, name) {
			t.Errorf("%s names %s, which is no metric or label", expression, name)
		}
		if histogram := strings.HasSuffix(base, "_seconds") || strings.HasSuffix(base, "_bytes"); histogram && base == name {
			t.Errorf("%s names the histogram %s without _bucket, _count or _sum", expression, name)
		}
	}
}

func doc(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	has := names(setup(t, session.Options{}).collector)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(doc(t, "alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	rules := file.Groups[0].Rules
	if len(rules) != 5 {
		t.Errorf("there are %d alerts", len(rules))
	}
	for _, r := range rules {
		check(t, has, r.Expr)
		if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("the alert %q lacks something", r.Alert)
		}
		for _, text := range word.FindAllString(r.Annotations["description"], -1) {
			check(t, has, strings.TrimSuffix(text, "_seconds")+map[bool]string{true: "_seconds_count"}[strings.HasSuffix(text, "_seconds")])
		}
	}
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	has := names(setup(t, session.Options{}).collector)
	var board struct {
		Panels []struct {
			Title, Description string
			Targets            []struct{ Expr, LegendFormat string }
		}
	}
	text := doc(t, "grafana.json")
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("the panel %q lacks something", p.Title)
		}
		for _, one := range p.Targets {
			check(t, has, one.Expr)
		}
	}
	for name := range has {
		if !strings.Contains(string(text), name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// docs/metrics.md lists each metric with its two names, of which one follows from the other.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	has := names(setup(t, session.Options{}).collector)
	row := regexp.MustCompile("(?m)^\\| `(berth[\\w.]+)` \\| `(berth\\w+)` \\| (\\S+) \\| ?([^|]*)\\|")
	listed := make(map[string]bool)
	gauges := []string{"berth.session.held", "berth.request.waiting"}
	for _, r := range row.FindAllStringSubmatch(string(doc(t, "metrics.md")), -1) {
		otel, prom, unit, attributes := r[1], r[2], r[3], r[4]
		listed[prom] = true
		want := strings.ReplaceAll(otel, ".", "_")
		switch {
		case unit == "s":
			want += "_seconds"
		case unit == "By":
			want += "_bytes"
		case !slices.Contains(gauges, otel):
			want += "_total"
		}
		if prom != want {
			t.Errorf("the exporter of OpenTelemetry makes %s of %s, and the page says %s", want, otel, prom)
		}
		labels, known := has[prom]
		if !known {
			t.Errorf("the page names %s, which is no metric", prom)
		}
		var named []string
		for _, a := range regexp.MustCompile(`[\w.]+`).FindAllString(attributes, -1) {
			named = append(named, strings.ReplaceAll(a, ".", "_"))
		}
		if !slices.Equal(named, labels) {
			t.Errorf("%s has the labels %v, and the page says %v", prom, labels, named)
		}
	}
	for name := range has {
		if !listed[name] {
			t.Errorf("the page does not list %s", name)
		}
	}
}
