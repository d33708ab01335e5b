package bm25

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/lodedb/lode/index"
)

// windowRows is the number of rows that are scored together: their sums stay in the first
// cache, and between two windows a search looks at its context.
const windowRows = 4096

// queryTerm is a term of a query and how often it is in it.
type queryTerm struct {
	term  string
	count int
}

// queryTerms returns the different terms of a query in order of their bytes.
func (x *Index) queryTerms(query string) []queryTerm {
	terms := x.analyzer.Terms(nil, query)
	slices.Sort(terms)
	var out []queryTerm
	for _, term := range terms {
		if n := len(out); n > 0 && out[n-1].term == term {
			out[n-1].count++
			continue
		}
		out = append(out, queryTerm{term, 1})
	}
	return out
}

// UpperBound sums what a row could get at most for each term of the query.
func (x *Index) UpperBound(query string) float64 {
	terms := x.queryTerms(query)
	x.mu.RLock()
	defer x.mu.RUnlock()
	var bound float64
	for _, t := range terms {
		var holders uint32
		if number, ok := x.mu.numbers[t.term]; ok {
			holders = x.mu.lists[number].live
		}
		bound += float64(t.count) * idf(x.mu.stats.rows, holders) * (x.opts.K1 + 1)
	}
	return bound * (1 + 0x1p-22) // what rounding to float32 may add to a score
}

// idf is the weight of a term that holders of the rows hold.
func idf(rows int, holders uint32) float64 {
	return math.Log(1 + (float64(rows)-float64(holders)+0.5)/(float64(holders)+0.5))
}

// Search scores every row that holds a term of the query.
func (x *Index) Search(ctx context.Context, query string, k int, allow *index.Bitset) ([]index.Candidate, error) {
	if err := index.CheckK(k); err != nil {
		return nil, err
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	s := x.prepare(x.queryTerms(query))
	s.allow, s.top = allow, index.NewTopK(k)
	for start, ok := s.nextWindow(); ok; start, ok = s.nextWindow() {
		if err := index.Stopped(ctx); err != nil {
			return nil, err
		}
		s.score(start)
		s.collect(start)
	}
	return s.top.Sorted(), nil
}

// search is one search over the index as it was when it began.
type search struct {
	cursors []cursor // in order of their terms' bytes, the order that sums are taken in
	blocks  []*rowBlock
	allow   *index.Bitset
	top     *index.TopK

	gain        float64 // k1 + 1
	fixed, each float64 // a row of n terms is held back by fixed + each·n

	sums  [windowRows]float64
	found [windowRows / 64]uint64 // rows of the window that hold a term, as bits
}

// prepare copies from the index what a search needs.
func (x *Index) prepare(terms []queryTerm) *search {
	s := &search{cursors: make([]cursor, 0, len(terms)), gain: x.opts.K1 + 1}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s.blocks = x.mu.blocks
	stats := x.mu.stats
	s.fixed = x.opts.K1 * (1 - x.opts.B)
	if stats.terms > 0 {
		s.each = x.opts.K1 * x.opts.B * float64(stats.rows) / float64(stats.terms)
	}
	for _, t := range terms {
		number, ok := x.mu.numbers[t.term]
		if !ok || x.mu.lists[number].live == 0 {
			continue
		}
		l := &x.mu.lists[number]
		c := cursor{data: l.data, weight: float64(t.count) * idf(stats.rows, l.live)}
		c.advance()
		s.cursors = append(s.cursors, c)
	}
	return s
}

// nextWindow returns the first row of the next window that has a posting.
func (s *search) nextWindow() (start uint32, ok bool) {
	for i := range s.cursors {
		if c := &s.cursors[i]; !c.done && (!ok || c.ordinal < start) {
			start, ok = c.ordinal, true
		}
	}
	return start / windowRows * windowRows, ok
}

// score adds up the window's sums, term by term.
func (s *search) score(start uint32) {
	for i := range s.cursors {
		c := &s.cursors[i]
		for ; !c.done && c.ordinal-start < windowRows; c.advance() {
			if s.allow != nil && !s.allow.Has(c.ordinal) {
				continue
			}
			length := s.length(c.ordinal)
			if length == 0 {
				continue
			}
			// The conversions forbid fused multiply-add, which would differ between CPUs.
			count := float64(c.count)
			held := s.fixed + float64(s.each*float64(length))
			at := c.ordinal - start
			s.sums[at] += float64(c.weight * (float64(count*s.gain) / (count + held)))
			s.found[at/64] |= 1 << (at % 64)
		}
	}
}

// collect offers the window's rows and clears it. A row that was removed while its terms
// were added up may lack some of them; its length is 0 by now, and it is left out.
func (s *search) collect(start uint32) {
	for i, word := range s.found {
		for ; word != 0; word &= word - 1 {
			at := uint32(i*64 + bits.TrailingZeros64(word))
			if s.length(start+at) != 0 {
				s.top.Offer(index.Candidate{Ordinal: start + at, Score: float32(s.sums[at])})
			}
			s.sums[at] = 0
		}
		s.found[i] = 0
	}
}

func (s *search) length(ordinal uint32) uint32 {
	return s.blocks[ordinal/blockRows].lengths[ordinal%blockRows].Load()
}
