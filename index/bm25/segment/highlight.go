package segment

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lodedb/lode/internal/text"
)

// Span is a stretch of a text in bytes, and the clause of the query that it matches.
type Span struct {
	Start, End int
	Clause     int
}

// Highlight returns what in a text matches a query: the words, and of phrases the whole stretch,
// in order and without overlaps; where stretches overlap they become one, of the first clause. The
// text is analysed again, so that it must be the one that the row was made of. Clauses that must
// not match mark nothing.
func Highlight(a *text.Analyzer, s string, q Query) []Span {
	tokens := a.Tokens(nil, s)
	m := newMarker(q)
	var spans []Span
	for i := range tokens {
		spans = m.mark(spans, tokens, i)
	}
	return joinSpans(spans)
}

// marker finds what a query matches.
type marker struct {
	terms    map[string]int // to the clause
	phrases  []marked
	prefixes []marked
}

type marked struct {
	Alternative
	clause int
}

func newMarker(q Query) *marker {
	m := &marker{terms: make(map[string]int)}
	for i, c := range q.Clauses {
		if c.Occur == MustNot {
			continue
		}
		for _, a := range c.Any {
			switch {
			case a.Prefix:
				m.prefixes = append(m.prefixes, marked{a, i})
			case len(a.Terms) > 1:
				m.phrases = append(m.phrases, marked{a, i})
			case len(a.Terms) == 1:
				if _, ok := m.terms[a.Terms[0].Term]; !ok {
					m.terms[a.Terms[0].Term] = i
				}
			}
		}
	}
	return m
}

// mark appends what begins with a token.
func (m *marker) mark(spans []Span, tokens []text.Token, i int) []Span {
	t := tokens[i]
	if clause, ok := m.terms[t.Term]; ok {
		spans = append(spans, Span{t.Start, t.End, clause})
	}
	for _, p := range m.prefixes {
		if strings.HasPrefix(t.Term, p.Terms[0].Term) {
			spans = append(spans, Span{t.Start, t.End, p.clause})
		}
	}
	for _, p := range m.phrases {
		if bytes := phraseSpans(tokens, i, &p.Alternative); bytes != nil {
			spans = append(spans, Span{bytes[0], bytes[1], p.clause})
		}
	}
	return spans
}

// phraseSpans returns where a phrase begins and ends whose first term is a token; nil: it is not
// there.
func phraseSpans(tokens []text.Token, i int, a *Alternative) []int {
	first := a.Terms[0]
	if tokens[i].Term != first.Term {
		return nil
	}
	start, end := tokens[i].Start, tokens[i].End
	for _, want := range a.Terms[1:] {
		place := int64(tokens[i].Position) + int64(want.Position) - int64(first.Position)
		j := tokenAt(tokens, want.Term, place)
		if j < 0 {
			return nil
		}
		start, end = min(start, tokens[j].Start), max(end, tokens[j].End)
	}
	return []int{start, end}
}

// tokenAt finds a term at a position; -1: it is not there. Positions never descend.
func tokenAt(tokens []text.Token, term string, place int64) int {
	from, _ := slices.BinarySearchFunc(tokens, place, func(t text.Token, place int64) int {
		return cmp.Compare(int64(t.Position), place)
	})
	for i := from; i < len(tokens) && int64(tokens[i].Position) == place; i++ {
		if tokens[i].Term == term {
			return i
		}
	}
	return -1
}

func joinSpans(spans []Span) []Span {
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			out[n-1].Clause = min(out[n-1].Clause, s.Clause)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Written returns a term as a text writes it: the first word that the term was made of. It is how
// a [Suggestion], whose term may be a stem, becomes a word again.
func Written(a *text.Analyzer, s, term string) (word string, ok bool) {
	for _, t := range a.Tokens(nil, s) {
		if t.Term == term {
			return s[t.Start:t.End], true
		}
	}
	return "", false
}
