package pdf

import (
	"math"
	"strings"

	"github.com/lodedb/lode"
)

const (
	fewestRows = 2   // that make a table
	cellSlack  = 1.2 // type sizes by which the cells of a column may be out of line
	prosyCell  = 45  // characters; cells of this length on average are columns of prose
)

// tableAt returns how many lines from i on make a table: rows of two cells or more, of which
// most begin where a cell of the row before does.
func (y *layout) tableAt(i int) int {
	n := 0
	for j := i; j < len(y.lines) && y.lines[j].page == y.lines[i].page; j++ {
		l := &y.lines[j]
		if len(l.cells) < 2 || l.turn != y.lines[i].turn || marker(l) != "" {
			break
		}
		if j > i && (!aligned(&y.lines[j-1], l) || math.Abs(y.lines[j-1].y-l.y) > 4*l.size || y.lines[j-1].y < l.y) {
			break
		}
		n++
	}
	if n < fewestRows || prosy(y.lines[i:i+n]) {
		return 0
	}
	return n
}

// aligned reports whether two rows share the left, right or middle of a cell beyond the
// first, or all their cells.
func aligned(a, b *line) bool {
	shared := 0
	for _, c := range b.cells {
		for _, d := range a.cells {
			slack := cellSlack * b.size
			if math.Abs(c.x0-d.x0) < slack || math.Abs(c.x1-d.x1) < slack || math.Abs(c.x0+c.x1-d.x0-d.x1) < 2*slack {
				shared++
				break
			}
		}
	}
	return shared >= 2 || shared == len(b.cells)
}

// prosy reports whether rows are lines of prose in columns side by side.
func prosy(rows []line) bool {
	cells, ink := 0, 0
	for i := range rows {
		cells += len(rows[i].cells)
		ink += rows[i].ink
	}
	return ink > prosyCell*cells
}

func (y *layout) writeTable(rows []line) {
	y.b.Begin(lode.SectionTable, 0)
	for i := range rows {
		texts := make([]string, len(rows[i].cells))
		for j, c := range rows[i].cells {
			texts[j] = c.text
		}
		y.b.Line()
		y.b.WritePage(strings.Join(texts, " | "), y.size)
	}
	y.b.End()
}
