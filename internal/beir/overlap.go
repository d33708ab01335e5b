package beir

import (
	"cmp"
	"slices"
	"sort"

	"github.com/lodedb/lode"
)

// Overlap counts the tokens of a text that an answer to a question holds, that it should hold,
// and that are both. Overlaps of several questions about texts may be added up.
type Overlap struct {
	Retrieved int // in the retrieved spans; one that two spans hold is read twice, so it counts twice
	Relevant  int // in the gold spans, each once
	Both      int // relevant ones that are retrieved, each once
}

// Recall is the share of what is relevant that was retrieved, 0 when nothing is relevant.
func (o Overlap) Recall() float64 { return share(o.Both, o.Relevant) }

// Precision is the share of what was retrieved that is relevant, 0 when nothing was retrieved.
func (o Overlap) Precision() float64 { return share(o.Both, o.Retrieved) }

// IoU is the intersection over the union, in which what is retrieved twice stands twice.
func (o Overlap) IoU() float64 { return share(o.Both, o.Retrieved+o.Relevant-o.Both) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// TokenOverlap compares spans that were retrieved from a text with the gold ones. The tokens
// are those of the whole text, in order and without overlap; a token belongs to every span
// that holds one of its bytes at least. Both lists of spans may be in any order and may
// overlap. The time is that of sorting them, whatever the number of tokens.
func TokenOverlap(tokens []lode.Span, retrieved, gold []lode.Span) Overlap {
	got, want := tokenRuns(tokens, retrieved), tokenRuns(tokens, gold)
	o := Overlap{Retrieved: length(got)}
	got, want = merged(got), merged(want)
	o.Relevant = length(want)
	for i, j := 0, 0; i < len(got) && j < len(want); {
		o.Both += max(0, min(got[i].End, want[j].End)-max(got[i].Start, want[j].Start))
		if got[i].End < want[j].End {
			i++
		} else {
			j++
		}
	}
	return o
}

// tokenRuns returns the spans as spans of token numbers, without empty ones.
func tokenRuns(tokens []lode.Span, spans []lode.Span) []lode.Span {
	runs := make([]lode.Span, 0, len(spans))
	for _, s := range spans {
		run := lode.Span{
			Start: sort.Search(len(tokens), func(i int) bool { return tokens[i].End > s.Start }),
			End:   sort.Search(len(tokens), func(i int) bool { return tokens[i].Start >= s.End }),
		}
		if s.Start < s.End && run.Start < run.End {
			runs = append(runs, run)
		}
	}
	return runs
}

// merged returns the union of runs, in order and without overlap.
func merged(runs []lode.Span) []lode.Span {
	slices.SortFunc(runs, func(a, b lode.Span) int { return cmp.Compare(a.Start, b.Start) })
	out := runs[:0]
	for _, r := range runs {
		if last := len(out) - 1; last >= 0 && r.Start <= out[last].End {
			out[last].End = max(out[last].End, r.End)
			continue
		}
		out = append(out, r)
	}
	return out
}

func length(runs []lode.Span) (n int) {
	for _, r := range runs {
		n += r.End - r.Start
	}
	return n
}
