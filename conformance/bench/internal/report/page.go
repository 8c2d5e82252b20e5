package report

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

//go:embed page.md.tmpl
var pageText string

// page fills the template. All figures in the page come from results.
func page(w io.Writer, r figure.Results) error {
	goals := Goals(r)
	t, err := template.New("page").Funcs(template.FuncMap{
		"version": func(path string) string { return short(r.Setting.Libraries[path]) },
		"growth": func(what string) (string, error) {
			g := r.GrowthOf(what)
			if len(g.Sizes) == 0 {
				return "", fmt.Errorf("no growth by %s", what)
			}
			return growthTable(g).Markdown(), nil
		},
		"workload": func(name string) string { return workloadTable(r.Workload(name)).Markdown() },
		"met":      func() int { return met(goals) },
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Noise": percent(r.Noise()), "Setting": r.Setting, "Goals": goals, "Picture": pictureFile, "Data": dataFile,
		"GoalTable": goalTable(goals).Markdown(), "Hot": hotTable(r).Markdown(), "Memory": memoryTable(r).Markdown(),
		"NoCookie": suite.WorkNoCookie, "Read": suite.WorkRead, "Change": suite.WorkChange, "Big": suite.WorkBig,
		"Rotate": suite.WorkRotate, "SignIn": suite.WorkSignIn,
		"Clients": suite.GrowClients, "Fields": suite.GrowFields, "Sessions": suite.GrowSessions,
		"Work": r.Workload(suite.WorkChange), "BigWork": r.Workload(suite.WorkBig),
		"Scale": scaleOf(r), "MostClients": slices.Max(append([]int{0}, r.GrowthOf(suite.GrowClients).Sizes...)),
	})
}

// scale sets goals beside what is possible at all.
type scale struct {
	FloorBySCS, FloorByGin, BerthByFloor string
	MostBySCS, MostByGin                 string // with the clients that suit each best
}

func scaleOf(r figure.Results) scale {
	rate := func(name string) []float64 { return r.Workload(suite.WorkChange).Row(name).Of(figure.Rate) }
	most := func(name string) []float64 { return r.GrowthOf(suite.GrowClients).Line(name).Most() }
	return scale{
		FloorBySCS:   quotient(rate(target.NameGetSet), rate(target.NameSCS)),
		FloorByGin:   quotient(rate(target.NameGetSet), rate(target.NameGinContrib)),
		BerthByFloor: quotient(rate(target.NameBerth), rate(target.NameGetSet)),
		MostBySCS:    quotient(most(target.NameBerth), most(target.NameSCS)),
		MostByGin:    quotient(most(target.NameBerth), most(target.NameGinContrib)),
	}
}

func met(goals []Goal) int {
	n := 0
	for _, g := range goals {
		if g.Met {
			n++
		}
	}
	return n
}

// short cuts the time and the commit off a version that has no number of its own.
func short(version string) string {
	if head, rest, ok := strings.Cut(version, "-0."); ok {
		return head + " of " + rest
	}
	if head, rest, ok := strings.Cut(version, "v0.0.0-"); ok && head == "" && len(rest) >= 8 {
		return "of " + rest[:4] + "-" + rest[4:6] + "-" + rest[6:8]
	}
	return version
}
