package pdf

import (
	"math"
	"regexp"
	"slices"
)

const (
	fewestPages   = 4  // of a document in which lines can be said to recur
	recurPercent  = 60 // of the pages have a line that is furniture
	furnitureRows = 2  // at the top and at the bottom of a page that may be furniture
)

var digits = regexp.MustCompile(`\d+`)

// withoutFurniture drops running heads, running feet and page numbers: lines at the edge of
// the page that recur, digits aside, at the same height on most pages.
func withoutFurniture(perPage [][]line) []line {
	seen := make(map[furniture]int)
	for _, lines := range perPage {
		for f := range edges(lines) {
			seen[f]++
		}
	}
	var out []line
	for _, lines := range perPage {
		edge := edges(lines)
		drop := make(map[int]bool)
		for f, indexes := range edge {
			if len(perPage) >= fewestPages && seen[f]*100 >= recurPercent*len(perPage) {
				for _, i := range indexes {
					drop[i] = true
				}
			}
		}
		for i := range lines {
			if !drop[i] {
				out = append(out, lines[i])
			}
		}
	}
	return out
}

type furniture struct {
	text string
	y    int
}

// edges returns the outermost lines of a page by what they say, without their numbers.
func edges(lines []line) map[furniture][]int {
	order := make([]int, 0, len(lines))
	for i := range lines {
		if lines[i].turn == 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case lines[a].y > lines[b].y:
			return -1
		case lines[a].y < lines[b].y:
			return 1
		}
		return 0
	})
	out := make(map[furniture][]int)
	for at, i := range order {
		if at < furnitureRows || at >= len(order)-furnitureRows {
			f := furniture{digits.ReplaceAllString(lines[i].text(), "#"), int(math.Round(lines[i].y / 4))}
			out[f] = append(out[f], i)
		}
	}
	return out
}
