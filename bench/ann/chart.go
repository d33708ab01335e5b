package ann

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Size of the chart and its margins, in the units of the drawing.
const (
	chartWidth, chartHeight = 940.0, 520.0
	marginLeft, marginRight = 70.0, 170.0
	marginTop, marginBottom = 16.0, 44.0
)

// colours tell series apart, on light and on dark paper.
var colours = []template.CSS{
	"#d1495b", "#0f8b8d", "#e08e0b", "#3d6fd9", "#7a9e2f", "#9b5de5", "#c77dab", "#5f7c8a", "#b5651d", "#2a9d4a", "#5a5ac9", "#a0a000", "#008fb3", "#8d5a4a",
}

// curve is a series of a chart.
type curve struct {
	name   string
	points []Point
	strong bool // drawn thicker: ours
}

// recallAxis spreads recalls towards 1: each factor of ten in what is missed is as wide.
func recallAxis(recall float64) float64 { return -math.Log10(1 - min(recall, 0.9995)) }

// scale maps a range of values to a range of the drawing.
type scale struct{ low, high, from, to float64 }

func (s scale) at(x float64) float64 { return s.from + (x-s.low)/(s.high-s.low)*(s.to-s.from) }

// recallChart draws recall against QPS, further up and right is better.
func recallChart(curves []curve) template.HTML {
	low, high := math.Inf(1), 0.0
	for _, c := range curves {
		for _, p := range c.points {
			if p.Recall >= 0.5 {
				low, high = min(low, p.QPS), max(high, p.QPS)
			}
		}
	}
	if high == 0 {
		return "<p>No engine has a recall of 0.5.</p>"
	}
	x := scale{recallAxis(0.5), recallAxis(0.9995), marginLeft, chartWidth - marginRight}
	y := scale{math.Log10(low) - 0.05, math.Log10(high) + 0.05, chartHeight - marginBottom, marginTop}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="recall against queries per second">`, chartWidth, chartHeight)
	drawGrid(&b, x, y)
	for i, c := range curves {
		c.draw(&b, x, y, i)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // nothing in it but numbers and escaped names
}

func drawGrid(b *strings.Builder, x, y scale) {
	for _, recall := range []float64{0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999} {
		at := x.at(recallAxis(recall))
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="tick" x="%.1f" y="%g" text-anchor="middle">%g</text>`,
			at, at, marginTop, chartHeight-marginBottom, at, chartHeight-marginBottom+16, recall)
	}
	for decade := math.Floor(y.low); decade <= y.high; decade++ {
		for _, step := range []float64{1, 2, 5} {
			qps := step * math.Pow(10, decade)
			if l := math.Log10(qps); l >= y.low && l <= y.high {
				fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`,
					marginLeft, chartWidth-marginRight, y.at(l), y.at(l), marginLeft-8, y.at(l)+4, thousands(qps))
			}
		}
	}
	fmt.Fprintf(b, `<text class="axis" x="%g" y="%g" text-anchor="middle">recall</text>`, (marginLeft+chartWidth-marginRight)/2, chartHeight-8)
}

// draw draws the curve, a dot with its values for each point, and its name in the legend.
func (c curve) draw(b *strings.Builder, x, y scale, number int) {
	name := template.HTMLEscapeString(c.name)
	width := 1.5
	if c.strong {
		width = 3
	}
	var path, dots strings.Builder
	for _, p := range c.points {
		if p.Recall < 0.5 {
			continue
		}
		px, py := x.at(recallAxis(p.Recall)), y.at(math.Log10(p.QPS))
		fmt.Fprintf(&path, "%.1f,%.1f ", px, py)
		fmt.Fprintf(&dots, `<circle cx="%.1f" cy="%.1f" r="%g"><title>%s, ef %d: recall %.4f, %s QPS, p50 %s µs, p99 %s µs</title></circle>`,
			px, py, width+1.5, name, p.EF, p.Recall, thousands(p.QPS), micros(p.P50), micros(p.P99))
	}
	legend := marginTop + 12 + 18*float64(number)
	colour := number % len(colours)
	fmt.Fprintf(b, `<g class="c%d"><polyline points="%s" stroke-width="%g"/>%s<line x1="%g" x2="%g" y1="%g" y2="%g" stroke-width="%g"/><text class="legend" x="%g" y="%g">%s</text></g>`,
		colour, strings.TrimSpace(path.String()), width, dots.String(),
		chartWidth-marginRight+12, chartWidth-marginRight+32, legend, legend, width, chartWidth-marginRight+38, legend+4, name)
}
