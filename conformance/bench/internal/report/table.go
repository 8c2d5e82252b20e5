package report

import (
	"fmt"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// Table is printed to a terminal and into the page.
type Table struct {
	Title  string
	header []string
	rows   [][]string
}

// Text is for a terminal.
func (t Table) Text() string { return t.writer().Render() }

// Markdown is for the page.
func (t Table) Markdown() string { return t.writer().RenderMarkdown() }

func (t Table) writer() table.Writer {
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	row := func(cells []string) table.Row {
		out := make(table.Row, len(cells))
		for i, c := range cells {
			out[i] = c
		}
		return out
	}
	w.AppendHeader(row(t.header))
	for _, cells := range t.rows {
		w.AppendRow(row(cells))
	}
	var right []table.ColumnConfig
	for i := range t.header[1:] {
		right = append(right, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(right)
	return w
}

// workloadTable compares the targets of a workload. What is compared with the floor is
// left out where there is none.
func workloadTable(w figure.Workload) Table {
	t := Table{Title: w.Name, header: []string{
		"target", "under", "requests/s", "spread", "berth is", "of the floor", "p50 µs", "p99 µs",
		"Redis CPU µs", "× floor", "CPU added µs", "allocs added", "round trips", "under load", "bytes to Redis",
	}}
	floor := w.Row(target.NameGetSet)
	for _, r := range w.Rows {
		berth := "–"
		if r.Kind != string(target.Berth) {
			under := w.Row(target.BerthName(target.Framework(r.Framework)))
			berth = quotient(under.Of(figure.Rate), r.Of(figure.Rate))
		}
		median := func(m figure.Metric) float64 { return figure.Summarize(r.Of(m)).Median }
		rate := figure.Summarize(r.Of(figure.Rate))
		empty := w.Row(target.EmptyName(target.Framework(r.Framework)))
		t.rows = append(t.rows, []string{
			r.Target, r.Framework,
			whole(rate.Median), whole(rate.Min) + "–" + whole(rate.Max),
			berth, quotient(r.Of(figure.Rate), floor.Of(figure.Rate)),
			whole(median(figure.P50)), whole(median(figure.P99)),
			tenths(median(figure.RedisCPU)), quotient(r.Of(figure.RedisCPU), floor.Of(figure.RedisCPU)),
			difference(r.Of(figure.ClientCPU), empty.Of(figure.ClientCPU), tenths),
			difference(r.Of(figure.Allocs), empty.Of(figure.Allocs), whole),
			tenths(median(figure.Trips)), tenths(median(figure.Shared)), whole(median(figure.Sent)),
		})
	}
	return t
}

func hotTable(r figure.Results) Table {
	each := r.Setting.HotEach
	t := Table{Title: "one hot session", header: []string{
		"target", "one client, changes/s",
		fmt.Sprintf("%d clients", each.InProcess), "of one client", "slowest by fastest", "longest ms", "changes lost",
		fmt.Sprintf("%d × %d clients", each.Processes, each.PerProcess), "of one client", "slowest by fastest", "longest ms", "changes lost",
	}}
	for _, h := range r.Hot {
		median := func(of func(figure.HotSample) float64) float64 { return figure.Summarize(h.Of(of)).Median }
		alone := h.Of(func(s figure.HotSample) float64 { return s.Alone.Rate })
		row := []string{h.Target, whole(figure.Summarize(alone).Median)}
		for _, run := range []func(figure.HotSample) figure.HotRun{
			func(s figure.HotSample) figure.HotRun { return s.InProcess },
			func(s figure.HotSample) figure.HotRun { return s.Processes },
		} {
			rates := h.Of(func(s figure.HotSample) float64 { return run(s).Rate })
			row = append(row,
				whole(figure.Summarize(rates).Median),
				percent(figure.Summarize(figure.Ratios(rates, alone)).Median),
				percent(median(func(s figure.HotSample) float64 { return run(s).Fairness })),
				whole(median(func(s figure.HotSample) float64 { return run(s).Longest })),
				percent(median(func(s figure.HotSample) float64 { return run(s).Lost })),
			)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// growthTable has changes/s, the CPU of Redis for each, and those of berth by those of the
// others. With more clients, the most that a target does tells what it can do at all.
func growthTable(g figure.Growth) Table {
	t := Table{Title: "growth: " + g.What, header: []string{"target"}}
	for _, size := range g.Sizes {
		t.header = append(t.header, strconv.Itoa(size))
	}
	hasMost := g.What == suite.GrowClients
	if hasMost {
		t.header = append(t.header, "most")
	}
	berth := g.Line(target.NameBerth)
	for _, l := range g.Lines {
		times := func(berth, rates []float64) string {
			if l.Target == target.NameBerth {
				return ""
			}
			return ", " + quotient(berth, rates) + " ×"
		}
		row := []string{l.Target}
		for i, p := range l.Points {
			rates := p.Of(figure.Rate)
			row = append(row, fmt.Sprintf("%s (%s µs)", whole(figure.Summarize(rates).Median), whole(figure.Summarize(p.Of(figure.RedisCPU)).Median))+
				times(berth.Points[i].Of(figure.Rate), rates))
		}
		if hasMost {
			row = append(row, whole(figure.Summarize(l.Most()).Median)+times(berth.Most(), l.Most()))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func memoryTable(r figure.Results) Table {
	t := Table{Title: "memory in Redis", header: []string{"target", "bytes a session", "besides the content"}}
	for _, m := range r.Memory {
		t.rows = append(t.rows, []string{m.Target, whole(m.Each), whole(m.Each - float64(m.Content))})
	}
	return t
}

func goalTable(goals []Goal) Table {
	t := Table{Title: "figures to reach", header: []string{"what", "goal", "reached", "spread", ""}}
	for _, g := range goals {
		verdict := "met"
		if !g.Met {
			verdict = "NOT MET"
		}
		t.rows = append(t.rows, []string{
			g.What, g.Bound, g.format(g.Reached.Median),
			g.format(g.Reached.Min) + " – " + g.format(g.Reached.Max), verdict,
		})
	}
	return t
}

// Tables are all tables, in the order in which they are printed.
func Tables(r figure.Results) []Table {
	var all []Table
	for _, w := range r.Workloads {
		all = append(all, workloadTable(w))
	}
	all = append(all, hotTable(r))
	for _, g := range r.Growth {
		all = append(all, growthTable(g))
	}
	return append(all, memoryTable(r), goalTable(Goals(r)))
}

func whole(v float64) string  { return fmt.Sprintf("%.0f", v+0) }
func tenths(v float64) string { return fmt.Sprintf("%.1f", v) }

// quotient of each round; a dash where there is nothing to divide by.
func quotient(a, b []float64) string {
	r := figure.Ratios(a, b)
	if len(r) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", figure.Summarize(r).Median)
}

func difference(a, b []float64, format func(float64) string) string {
	d := figure.Differences(a, b)
	if len(d) == 0 {
		return "–"
	}
	return format(figure.Summarize(d).Median)
}
