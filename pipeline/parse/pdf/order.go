package pdf

import (
	"cmp"
	"math"
	"slices"
)

const (
	jumpPercent = 20 // of a page's lines that go up make its drawing order useless
	fewestJumps = 4
	gutter      = 1.0 // type sizes of white between two columns
)

// readingOrder keeps the order in which a page was drawn, unless it jumps about: then the
// page is cut into columns and bands by its white space.
func readingOrder(lines []line) []line {
	jumps := 0
	for i := 1; i < len(lines); i++ {
		a, b := &lines[i-1], &lines[i]
		if a.turn == b.turn && b.y-a.y > 0.8*b.size {
			jumps++
		}
	}
	if jumps < fewestJumps || jumps*100 < jumpPercent*len(lines) {
		return lines
	}
	var out []line
	for turn := range uint8(4) {
		var same []line
		for i := range lines {
			if lines[i].turn == turn {
				same = append(same, lines[i])
			}
		}
		out = append(out, cut(same, 0)...)
	}
	return mergeRows(out)
}

// cut orders lines by the widest white space: columns first, else bands, else row by row.
func cut(lines []line, depth int) []line {
	if len(lines) < 2 || depth > 16 {
		return rowByRow(lines)
	}
	if left, right := columns(lines); left != nil {
		return append(cut(left, depth+1), cut(right, depth+1)...)
	}
	if upper, lower := bands(lines); upper != nil {
		return append(cut(upper, depth+1), cut(lower, depth+1)...)
	}
	return rowByRow(lines)
}

func rowByRow(lines []line) []line {
	slices.SortStableFunc(lines, func(a, b line) int {
		if math.Abs(a.y-b.y) > lineSlack*max(a.size, b.size) {
			return cmp.Compare(b.y, a.y)
		}
		return cmp.Compare(a.x0, b.x0)
	})
	return lines
}

// columns splits lines at a gutter that no line crosses, with prose on both sides.
func columns(lines []line) (left, right []line) {
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b line) int { return cmp.Compare(a.x0, b.x0) })
	end := sorted[0].x1
	for i := 1; i < len(sorted); i++ {
		if sorted[i].x0-end > gutter*sorted[i].size && prose(sorted[:i]) && prose(sorted[i:]) {
			return sorted[:i], sorted[i:]
		}
		end = max(end, sorted[i].x1)
	}
	return nil, nil
}

// prose reports whether lines are text to be read down rather than cells to be read across.
func prose(lines []line) bool {
	ink := 0
	for i := range lines {
		ink += lines[i].ink
	}
	return len(lines) >= 3 && ink > 20*len(lines)
}

// bands splits lines at the widest white space between rows.
func bands(lines []line) (upper, lower []line) {
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b line) int { return cmp.Compare(b.y, a.y) })
	best, at := 0.0, 0
	for i := 1; i < len(sorted); i++ {
		if gap := (sorted[i-1].y - sorted[i].y) / sorted[i].size; gap > best && gap > 0.5 {
			best, at = gap, i
		}
	}
	if at == 0 {
		return nil, nil
	}
	return sorted[:at], sorted[at:]
}

// mergeRows joins lines that stand on one base line into rows of cells.
func mergeRows(lines []line) []line {
	var out []line
	for i := range lines {
		n := len(out)
		if n > 0 && len(lines[i].cells) > 0 {
			last := &out[n-1]
			size := max(last.size, lines[i].size)
			if last.turn == lines[i].turn && math.Abs(last.y-lines[i].y) <= lineSlack*size && lines[i].x0 >= last.x1-backSlack*size {
				last.cells = append(last.cells, lines[i].cells...)
				last.x1 = lines[i].x1
				last.ink += lines[i].ink
				last.bold = last.bold && lines[i].bold
				continue
			}
		}
		out = append(out, lines[i])
	}
	return out
}
