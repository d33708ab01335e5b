package rerank

import (
	"math"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// Bounds of the search for terms.
const (
	MostTerms = 64   // of a query: the first ones count
	MostWords = 2048 // of a passage
)

// terms are those of a query.
type terms struct {
	analyzer *text.Analyzer
	index    map[string]int // of different terms
	words    []asked        // in the order of the query, repeated ones too
	at       map[int][]int  // the words that are a term
}

// asked is a word of the query.
type asked struct {
	term     int
	position int
}

func (x *Extractor) newTerms(query string) *terms {
	t := &terms{analyzer: x.analyzer, index: map[string]int{}, at: map[int][]int{}}
	for _, token := range x.analyzer.Tokens(nil, query) {
		if token.Compound || len(t.words) == MostTerms {
			continue
		}
		term, known := t.index[token.Term]
		if !known {
			term = len(t.index)
			t.index[token.Term] = term
		}
		t.at[term] = append(t.at[term], len(t.words))
		t.words = append(t.words, asked{term, int(token.Position)})
	}
	return t
}

// termsFound says which terms of the query a passage holds, and how they stand.
type termsFound struct {
	holds                    []bool // of each term; in title and headings too
	title, phrase, proximity float64
}

// place is a term of the query in a passage.
type place struct{ term, position int }

func (t *terms) find(p *lode.RerankPassage) termsFound {
	n := len(t.index)
	f := termsFound{holds: make([]bool, n)}
	if n == 0 {
		return f
	}
	above := t.places(p.Title + "\n\n" + strings.Join(p.Path, "\n\n"))
	for _, at := range above {
		f.holds[at.term] = true
	}
	f.title = f.coverage()
	places := t.places(p.Text)
	for _, at := range places {
		f.holds[at.term] = true
	}
	f.phrase = t.phrase(places)
	f.proximity = proximity(places, n)
	return f
}

// places are where terms of the query stand in a text.
func (t *terms) places(s string) (out []place) {
	for _, token := range t.analyzer.Tokens(nil, cutBytes(s, MostWords*mostTokenBytes)) {
		if token.Position >= MostWords {
			break
		}
		if term, ok := t.index[token.Term]; ok && !token.Compound {
			out = append(out, place{term, int(token.Position)})
		}
	}
	return out
}

// phrase is the longest run of words of the query that stands in the text with the same distances
// between them, as a share of the query beyond its first word.
func (t *terms) phrase(places []place) float64 {
	if len(t.words) < 2 {
		return 0
	}
	type run struct{ word, length int }
	runs, longest := map[int]run{}, 0 // by how far the text is ahead of the query
	for _, at := range places {
		for _, word := range t.at[at.term] {
			ahead := at.position - t.words[word].position
			r := run{word, 1}
			if before, ok := runs[ahead]; ok && before.word == word-1 {
				r.length += before.length
			}
			runs[ahead] = r
			longest = max(longest, r.length)
		}
	}
	return float64(max(longest-1, 0)) / float64(len(t.words)-1)
}

// proximity is the share of terms that the text holds, times the share that they have of the words
// of the shortest stretch with all of those.
func proximity(places []place, terms int) float64 {
	counts, held := make([]int, terms), 0
	for _, at := range places {
		if counts[at.term]++; counts[at.term] == 1 {
			held++
		}
	}
	if held == 0 {
		return 0
	}
	clear(counts)
	shortest, inside, first := math.MaxInt, 0, 0
	for _, at := range places {
		if counts[at.term]++; counts[at.term] == 1 {
			inside++
		}
		for inside == held {
			shortest = min(shortest, at.position-places[first].position+1)
			if counts[places[first].term]--; counts[places[first].term] == 0 {
				inside--
			}
			first++
		}
	}
	return float64(held) / float64(terms) * (float64(held) / float64(max(shortest, held)))
}

// coverage is the share of terms that were found.
func (f *termsFound) coverage() float64 {
	n := 0
	for _, held := range f.holds {
		if held {
			n++
		}
	}
	return float64(n) / float64(max(1, len(f.holds)))
}

// worth is how much a term says: the fewer passages hold it the more.
func (t *terms) worth(found []termsFound) []float64 {
	worth := make([]float64, len(t.index))
	for term := range worth {
		holders := 0.5
		for i := range found {
			if found[i].holds[term] {
				holders++
			}
		}
		worth[term] = math.Sqrt(float64(len(found)+1) / holders)
	}
	return worth
}

// worth is the share of what all terms are worth that was found.
func (f *termsFound) worth(of []float64) float64 {
	found, all := 0.0, 0.0
	for term, w := range of {
		all += w
		if f.holds[term] {
			found += w
		}
	}
	if all == 0 {
		return 0
	}
	return found / all
}
