package ann

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"math"
	"slices"

	"github.com/lodedb/lode/internal/report"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"thousands": thousands, "micros": micros,
	"width": func(x, most float64) float64 { return math.Round(1000*x/most) / 10 },
}).Parse(pageText))

// bar is a row of a chart of bars.
type bar struct {
	Name  string
	Value float64
	Text  string
	Ours  bool
}

// bars is such a chart.
type bars struct {
	Title string
	Most  float64
	Bars  []bar
}

// pageData is what the template sees.
type pageData struct {
	*Report
	Chart   template.HTML
	Ranked  []*Result
	Charts  []bars
	Middle  float64
	Colours []template.CSS
	Latency []latency
}

// latency is a row of percentiles at the point nearest to the middle recall.
type latency struct {
	Name string
	Point
}

// Cells are the QPS of a result at each recall, with the ratios to the reference.
func (d pageData) Cells(e *Result) []string {
	cells := make([]string, len(e.At))
	for i, qps := range e.At {
		cells[i] = qpsCell(qps, d.find(reference), i)
	}
	return cells
}

// WritePage writes [Report.Page] to a file; never half of it.
func (r *Report) WritePage(path string) error {
	var b bytes.Buffer
	if err := r.Page(&b); err != nil {
		return err
	}
	return report.WriteFile(path, b.Bytes())
}

// Page writes the report as one page of HTML that needs nothing else, not even a network.
func (r *Report) Page(w io.Writer) error {
	d := pageData{Report: r, Ranked: r.ranked(), Middle: r.Params.Recalls[len(r.Params.Recalls)/2], Colours: colours}
	var curves []curve
	for _, e := range d.Ranked {
		curves = append(curves, curve{name: e.Name(), points: e.Points, strong: e.Engine == lodeEngine})
		d.Latency = append(d.Latency, latency{e.Name(), e.near(d.Middle)})
	}
	d.Chart = recallChart(curves)
	d.Charts = []bars{
		r.bars("Build, seconds of CPU", func(b Build) float64 { return b.CPUSeconds }),
		r.bars("Build, seconds on the wall", func(b Build) float64 { return b.WallSeconds }),
		r.bars("Resident memory of the process, MB", func(b Build) float64 { return b.ResidentMB }),
		r.bars("Index, MB, as the engine says", func(b Build) float64 { return b.IndexMB }),
		r.bars("Bytes of traversal a vector, as the engine says", func(b Build) float64 { return float64(b.TraversalBytes) }),
	}
	return page.Execute(w, d)
}

// bars draws one number of every build, smallest first.
func (r *Report) bars(title string, value func(Build) float64) bars {
	chart := bars{Title: title, Most: 1e-9}
	for _, e := range r.Engines {
		for _, b := range e.Builds {
			v := value(b)
			if v == 0 {
				continue
			}
			name := e.Name()
			if b.Threads > 1 {
				name += " (" + thousands(float64(b.Threads)) + " threads)"
			}
			chart.Most = max(chart.Most, v)
			chart.Bars = append(chart.Bars, bar{name, v, thousands(v), e.Engine == lodeEngine})
		}
	}
	slices.SortStableFunc(chart.Bars, func(a, b bar) int { return compareFloats(a.Value, b.Value) })
	return chart
}
