package report

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/suite"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

var (
	ink    = color.NRGBA{R: 0x33, G: 0x33, B: 0x33, A: 0xff}
	colors = map[string]color.Color{
		string(target.Berth): color.NRGBA{R: 0x1b, G: 0x6c, B: 0xa8, A: 0xff},
		string(target.Peer):  color.NRGBA{R: 0xc9, G: 0x8a, B: 0x3c, A: 0xff},
		string(target.Floor): color.NRGBA{R: 0x9a, G: 0x9a, B: 0x9a, A: 0xff},
	}
	lineColors = []color.Color{
		colors[string(target.Berth)],
		color.NRGBA{R: 0x7b, G: 0x52, B: 0xa1, A: 0xff},
		color.NRGBA{R: 0xa4, G: 0x3e, B: 0x3e, A: 0xff},
		color.NRGBA{R: 0x5b, G: 0x8c, B: 0x4a, A: 0xff},
		colors[string(target.Floor)],
	}
)

// picture draws two rows of panels: how targets compare, and how they grow.
func picture(w io.Writer, r figure.Results) error {
	change, read := r.Workload(suite.WorkChange), r.Workload(suite.WorkRead)
	var panels [2][]*plot.Plot
	for _, p := range []struct {
		title  string
		rows   []figure.Row
		metric figure.Metric
	}{
		{"changes/s", change.Rows, figure.Rate},
		{"reads/s", read.Rows, figure.Rate},
		{"µs of Redis CPU of a change", change.Rows, figure.RedisCPU},
	} {
		panel, err := bars(p.title, p.rows, p.metric)
		if err != nil {
			return err
		}
		panels[0] = append(panels[0], panel)
	}
	for i, g := range r.Growth {
		panel, err := lines("changes/s, by "+g.What, g, i == 0)
		if err != nil {
			return err
		}
		panels[1] = append(panels[1], panel)
	}

	const width, height = 15 * vg.Inch, 9 * vg.Inch
	// An SVG would leave the text to the fonts of whoever looks at it.
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(110))
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	tiles := draw.Tiles{
		Rows: 2, Cols: 3, PadTop: vg.Millimeter * 3, PadBottom: vg.Millimeter * 3, PadLeft: vg.Millimeter * 3,
		PadRight: vg.Millimeter * 5, PadX: vg.Millimeter * 6, PadY: vg.Millimeter * 8,
	}
	for i, row := range plot.Align(panels[:], tiles, all) {
		for j, canvas := range row {
			panels[i][j].Draw(canvas)
		}
	}
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

func newPanel(title string) *plot.Plot {
	p := plot.New()
	sans := func(f *font.Font, size vg.Length) { f.Variant, f.Size = "Sans", size }
	p.Title.Text = title
	sans(&p.Title.TextStyle.Font, 12)
	p.Title.Padding = vg.Millimeter * 2
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		sans(&axis.Tick.Label.Font, 9)
		sans(&axis.Label.TextStyle.Font, 10)
		axis.Padding = vg.Millimeter
		axis.Tick.Label.Color, axis.Color, axis.Tick.Color = ink, ink, ink
	}
	sans(&p.Legend.TextStyle.Font, 9)
	return p
}

// bars are the medians of the targets that keep sessions, and of the floor, with a line
// from the smallest round to the largest.
func bars(title string, rows []figure.Row, m figure.Metric) (*plot.Plot, error) {
	p := newPanel(title)
	rows = slices.DeleteFunc(slices.Clone(rows), func(r figure.Row) bool { return r.Kind == string(target.Empty) })
	slices.Reverse(rows) // the first is at the top
	var (
		names  []string
		spread rounds
	)
	for i, r := range rows {
		s := figure.Summarize(r.Of(m))
		bar, err := plotter.NewBarChart(plotter.Values{s.Median}, vg.Points(11))
		if err != nil {
			return nil, err
		}
		bar.Horizontal, bar.XMin, bar.Color, bar.LineStyle.Width = true, float64(i), colors[r.Kind], 0
		p.Add(bar)
		names = append(names, r.Target)
		spread = append(spread, at{float64(i), s})
	}
	if len(spread) > 0 {
		whiskers, err := plotter.NewXErrorBars(spread)
		if err != nil {
			return nil, err
		}
		whiskers.Color = ink
		p.Add(whiskers)
		p.NominalY(names...)
		p.Y.Padding = vg.Millimeter
	}
	p.X.Min, p.X.Tick.Marker = 0, plot.TickerFunc(ticks)
	return p, nil
}

// at is a summary at a place of an axis, and rounds are several.
type (
	at struct {
		place float64
		figure.Summary
	}
	rounds []at
)

func (r rounds) Len() int                { return len(r) }
func (r rounds) XY(i int) (x, y float64) { return r[i].Median, r[i].place }
func (r rounds) XError(i int) (low, high float64) {
	return r[i].Min - r[i].Median, r[i].Max - r[i].Median
}

func lines(title string, g figure.Growth, legend bool) (*plot.Plot, error) {
	p := newPanel(title)
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) (out []plot.Tick) {
		for _, size := range g.Sizes {
			out = append(out, plot.Tick{Value: float64(size), Label: strconv.Itoa(size)})
		}
		return out
	})
	p.X.Min, p.X.Max = float64(slices.Min(g.Sizes)), float64(slices.Max(g.Sizes))
	if p.X.Min == p.X.Max { // it would be drawn beyond 0, which a log scale has not
		p.X.Max *= 10
	}
	p.Y.Min = 0
	for i, l := range g.Lines {
		points := make(plotter.XYs, len(l.Points))
		for j, row := range l.Points {
			points[j] = plotter.XY{X: float64(g.Sizes[j]), Y: figure.Summarize(row.Of(figure.Rate)).Median}
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = lineColors[i%len(lineColors)], vg.Points(1.6)
		marks.Color, marks.Shape, marks.Radius = line.Color, draw.CircleGlyph{}, vg.Points(2.2)
		p.Add(line, marks)
		if legend {
			p.Legend.Add(l.Target, line)
		}
	}
	p.Y.Tick.Marker = plot.TickerFunc(ticks)
	p.Legend.Padding, p.Legend.XOffs, p.Legend.YOffs = vg.Millimeter, -vg.Millimeter, 2*vg.Millimeter
	return p, nil
}

// ticks are multiples of 1, 2 or 5 times a power of ten, from 0, some five of them.
func ticks(_, highest float64) []plot.Tick {
	if highest <= 0 {
		return nil
	}
	const about = 5
	step := math.Pow(10, math.Floor(math.Log10(highest/about)))
	for _, m := range []float64{5, 2} {
		if m*step <= highest/about {
			step *= m
			break
		}
	}
	var out []plot.Tick
	for v := 0.; v <= highest; v += step {
		out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
	}
	return out
}
