package html

import (
	"golang.org/x/net/html/atom"

	"github.com/lodedb/lode"
)

// maxColumns bounds the columns of a table that are told apart.
const maxColumns = 1000

// writeTable writes a table of data as a section, a line a row, and reads through one that
// only places things on the page.
func (w *writer) writeTable(n *node) {
	rows := tableRows(n, nil)
	if w.flow == flowHeading || w.flow == flowCell || w.flow == flowCode || !holdsData(n, rows) {
		w.block(n)
		return
	}
	used := usedColumns(rows)
	w.section(lode.SectionTable, 0, flowCell, func() {
		for kid := n.first; kid != nil; kid = kid.next {
			if kid.tag == atom.Caption && !kid.hidden {
				w.kids(kid)
			}
		}
		for _, row := range rows {
			if row.letters > 0 && w.b.Err() == nil {
				w.b.Line()
				w.writeRow(row, used)
			}
		}
	})
}

func (w *writer) writeRow(row *node, used []bool) {
	column, begun := 0, false
	for c := row.first; c != nil; c = c.next {
		if c.tag != atom.Td && c.tag != atom.Th {
			continue
		}
		at := column
		column += c.number
		if c.hidden || (c.letters == 0 && (at >= len(used) || !used[at])) {
			continue
		}
		if begun {
			w.b.Space()
			w.b.Write("|", c.start, c.end)
			w.b.Space()
		}
		begun = true
		w.kids(c)
	}
}

// tableRows collects the rows of a table, not those of tables inside it.
func tableRows(n *node, rows []*node) []*node {
	for kid := n.first; kid != nil; kid = kid.next {
		switch {
		case kid.hidden:
		case kid.tag == atom.Tr:
			rows = append(rows, kid)
		case kid.tag == atom.Tbody, kid.tag == atom.Thead, kid.tag == atom.Tfoot:
			rows = tableRows(kid, rows)
		}
	}
	return rows
}

// usedColumns says in which columns any row has text. Filings and mail set their tables with
// columns of nothing.
func usedColumns(rows []*node) []bool {
	var used []bool
	for _, row := range rows {
		column := 0
		for c := row.first; c != nil && column < maxColumns; c = c.next {
			if c.tag != atom.Td && c.tag != atom.Th {
				continue
			}
			if c.letters > 0 && !c.hidden {
				for len(used) <= column {
					used = append(used, false)
				}
				used[column] = true
			}
			column += c.number
		}
	}
	return used
}

// holdsData reports whether a table is one for readers: two columns or more, and cells
// without structure of their own.
func holdsData(table *node, rows []*node) bool {
	if table.presents || (len(rows) == 1 && table.letters > maxCellBytes/4) {
		return false
	}
	widest := 0
	for _, row := range rows {
		cells := 0
		for c := row.first; c != nil; c = c.next {
			if c.hidden || (c.tag != atom.Td && c.tag != atom.Th) || c.letters == 0 {
				continue
			}
			if c.letters > maxCellBytes || structured(c) {
				return false
			}
			cells++
		}
		widest = max(widest, cells)
	}
	return widest > 1
}

// structured reports whether a cell holds what must become a section of its own.
func structured(n *node) bool {
	for kid := n.first; kid != nil; kid = kid.next {
		if kid.hidden || kid.text || kid.letters == 0 {
			continue
		}
		if heading(kid.tag) || kid.tag == atom.Table || structured(kid) {
			return true
		}
	}
	return false
}
