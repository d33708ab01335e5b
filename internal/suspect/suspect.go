package suspect

import (
	"cmp"
	"slices"
)

// Finding is a suspicious part of a text.
type Finding struct {
	Start, End int    // bytes [Start, End) of the text
	Rule       string // what found it
}

// maxFindings bounds what one text may have. A text with more of them is no less suspicious for
// those that are left out.
const maxFindings = 64

// Instructions returns the parts of text that read like orders to a model, by ascending Start; of
// those that overlap, the first. There are at most 64.
func Instructions(text string) []Finding {
	found := plainInstructions(text)
	found = append(found, encoded(text)...)
	return disjoint(found)
}

// plainInstructions looks at text as it stands.
func plainInstructions(text string) []Finding {
	f := fold(text)
	found := matchWords(f.words)
	found = append(found, literals(text)...)
	if f.ideographs {
		found = append(found, ideographic(text)...)
	}
	return found
}

// disjoint sorts findings and keeps the first of those that overlap, the longest of those that
// start together.
func disjoint(found []Finding) []Finding {
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.Rule, b.Rule))
	})
	out, end := found[:0], -1
	for _, f := range found {
		if f.Start < end || len(out) == maxFindings {
			continue
		}
		out, end = append(out, f), f.End
	}
	return out
}
