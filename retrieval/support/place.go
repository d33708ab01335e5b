package support

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/lodedb/lode"
)

// passage is a source, by sentences.
type passage struct {
	spans []lode.Span
	terms map[string][]holder // the sentences that hold a term, ascending
}

// holder is a sentence that holds a term.
type holder struct {
	sentence int
	negated  bool // it says of the term that it is not
}

func (c *checker) passage(s Source) *passage {
	p := &passage{spans: sentencesOf(s.Text), terms: map[string][]holder{}}
	for i, span := range p.spans {
		written := s.Text[span.Start:span.End]
		tokens := c.analyzer.Tokens(nil, written)
		negated := negatedTerms(written, tokens)
		for _, t := range tokens {
			of := p.terms[t.Term]
			if n := len(of); n == 0 || of[n-1].sentence != i {
				p.terms[t.Term] = append(of, holder{i, negated[t.Term]})
			}
		}
	}
	return p
}

// place is where a passage holds most of a claim.
type place struct {
	span   lode.Span
	score  float64
	holds  []bool // of each term of the claim
	turned bool   // it says of a term that it is not, and the claim that it is, or the other way
}

// found says of the sentences of a passage which terms of a claim they hold. It is used again for
// the next claim.
type found struct {
	width   int      // words of a set of terms
	sets    []uint64 // by sentence: the terms that it holds
	turned  []bool   // by sentence
	touched []int    // the sentences that hold any, ascending
}

func (f *found) set(sentence int) []uint64 {
	return f.sets[sentence*f.width : (sentence+1)*f.width]
}

// look fills f for a claim, and returns how many terms were found in how many sentences.
func (f *found) look(p *passage, c *claim) (work int) {
	f.width, f.touched = (len(c.terms)+63)/64, f.touched[:0]
	if n := len(p.spans) * f.width; len(f.sets) < n {
		f.sets = make([]uint64, n)
	}
	if len(f.turned) < len(p.spans) {
		f.turned = make([]bool, len(p.spans))
	}
	for i, t := range c.terms {
		of := p.terms[t.text]
		work += len(of)
		for _, h := range of {
			f.set(h.sentence)[i/64] |= 1 << (i % 64)
			f.turned[h.sentence] = f.turned[h.sentence] || h.negated != c.negated[t.text]
			f.touched = append(f.touched, h.sentence)
		}
	}
	slices.Sort(f.touched)
	f.touched = slices.Compact(f.touched)
	return work
}

func (f *found) clear() {
	for _, i := range f.touched {
		clear(f.set(i))
		f.turned[i] = false
	}
}

// best returns the place that holds most of a claim, the shortest and first of those that hold as
// much. It begins and ends with a sentence that holds something.
func (c *checker) best(p *passage, said *claim) (best place) {
	f := &c.found
	c.work += f.look(p, said)
	defer f.clear()
	union, most := make([]uint64, f.width), make([]uint64, f.width)
	for i, from := range f.touched {
		clear(union)
		turned := false
		for _, to := range f.touched[i:] {
			if to >= from+windowSentences {
				break
			}
			for w, set := range f.set(to) {
				union[w] |= set
			}
			turned = turned || f.turned[to]
			here := place{span: lode.Span{Start: p.spans[from].Start, End: p.spans[to].End}, score: said.weightOf(union) / said.weight, turned: turned}
			if cmp.Or(cmp.Compare(here.score, best.score), cmp.Compare(best.span.Len(), here.span.Len())) > 0 {
				best = here
				copy(most, union)
			}
		}
	}
	if best.score > 0 {
		best.holds = make([]bool, len(said.terms))
		for i := range best.holds {
			best.holds[i] = most[i/64]>>(i%64)&1 == 1
		}
	}
	return best
}

// weightOf is the weight of a set of terms.
func (c *claim) weightOf(set []uint64) (weight float64) {
	for k, of := range c.kinds {
		n := 0
		for w, terms := range of {
			n += bits.OnesCount64(set[w] & terms)
		}
		weight += float64(n) * weights[k]
	}
	return weight
}

// sort notes which terms are of which kind.
func (c *claim) sort() {
	for k := range c.kinds {
		c.kinds[k] = make([]uint64, (len(c.terms)+63)/64)
	}
	for i, t := range c.terms {
		c.kinds[t.kind][i/64] |= 1 << (i % 64)
	}
}
