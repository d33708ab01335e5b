package bench

import (
	"fmt"
	"io"
	"strings"
)

// Table are measurements that are read side by side, below the figures of a report.
type Table struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"` // texts and numbers, one for each column
}

// Add appends a row.
func (t *Table) Add(cells ...any) { t.Rows = append(t.Rows, cells) }

// write writes the table as Markdown; nil is nothing.
func (t *Table) write(w io.Writer) {
	if t == nil {
		return
	}
	fmt.Fprintf(w, "\n| %s |\n|%s\n", strings.Join(t.Columns, " | "), strings.Repeat("---|", len(t.Columns)))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = cellText(cell)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// cellText is a cell for people: small numbers with three decimals, so that they align.
func cellText(cell any) string {
	number, ok := cell.(float64) // also what whole numbers are once read from a file
	switch {
	case !ok:
		return fmt.Sprint(cell)
	case number == float64(int64(number)):
		return fmt.Sprintf("%.0f", number)
	case number >= 10:
		return fmt.Sprintf("%.1f", number)
	}
	return fmt.Sprintf("%.3f", number)
}
