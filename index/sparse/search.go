package sparse

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// windowRows is the number of rows that are scored together: their sums stay in the first
// cache, and between two windows a search looks at its context.
const windowRows = 4096

// lookupCost is about how many postings are scanned in the time in which one is looked up.
const lookupCost = 24

// Search scores every allowed row that has a dimension of the query.
func (x *Index) Search(ctx context.Context, query lode.SparseVector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	if err := index.CheckK(k); err != nil {
		return nil, err
	}
	if err := query.Validate(); err != nil {
		return nil, fmt.Errorf("search sparse vectors: %w", err)
	}
	s := x.prepare(query)
	s.allow, s.top = allow, index.NewTopK(k)
	for {
		if err := index.Stopped(ctx); err != nil {
			return nil, err
		}
		if !s.next() {
			return s.top.Sorted(), nil
		}
		s.answer()
	}
}

// term is one dimension of a query with what rows have of it.
type term struct {
	weight   float64   // of the query
	window   []posting // of the window, without those that were looked up and passed over
	postings []posting // behind it
}

// search is one search over the index as it was when it began.
type search struct {
	terms []term // in order of dimensions, the order that sums are taken in
	allow *index.Bitset
	top   *index.TopK

	start uint32                  // first row of the window
	sums  [windowRows]float64     // of its rows
	found [windowRows / 64]uint64 // those that have a dimension of the query, as bits
}

// prepare copies from the index what a search needs.
func (x *Index) prepare(query lode.SparseVector) *search {
	s := &search{terms: make([]term, 0, query.Len())}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i, dimension := range query.Indices {
		if number, ok := x.mu.numbers[dimension]; ok {
			s.terms = append(s.terms, term{weight: float64(query.Values[i]), postings: x.mu.lists[number]})
		}
	}
	return s
}

// next moves to the next window that has a posting and an allowed row.
func (s *search) next() bool {
	first, ok := s.first()
	for ok {
		s.start = first / windowRows * windowRows
		to, more := s.allowedFrom(s.start)
		if !more {
			return false
		}
		if to-s.start < windowRows {
			break
		}
		for i := range s.terms {
			t := &s.terms[i]
			t.postings = t.postings[seek(t.postings, to/windowRows*windowRows):]
		}
		first, ok = s.first()
	}
	if !ok {
		return false
	}
	for i := range s.terms {
		t := &s.terms[i]
		n := len(t.postings)
		if s.start <= math.MaxUint32-windowRows {
			n = seek(t.postings, s.start+windowRows)
		}
		t.window, t.postings = t.postings[:n], t.postings[n:]
	}
	return true
}

// first is the smallest row of all postings that are left.
func (s *search) first() (first uint32, ok bool) {
	for i := range s.terms {
		if p := s.terms[i].postings; len(p) > 0 && (!ok || p[0].ordinal < first) {
			first, ok = p[0].ordinal, true
		}
	}
	return first, ok
}

// allowedFrom is the first allowed row from one on.
func (s *search) allowedFrom(from uint32) (first uint32, ok bool) {
	if s.allow == nil {
		return from, true
	}
	s.allow.EachFrom(from, func(ordinal uint32) bool {
		first, ok = ordinal, true
		return false
	})
	return first, ok
}

// seek returns how many postings are of rows before one. It takes longer the more there are.
func seek(postings []posting, row uint32) int {
	step := 1
	for step <= len(postings) && postings[step-1].ordinal < row {
		step *= 2
	}
	low, high := step/2, min(step-1, len(postings)) // those before low are of rows before
	for low < high {
		if middle := (low + high) / 2; postings[middle].ordinal < row {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// answer offers the rows of the window: of all postings, or one by one where few are allowed.
func (s *search) answer() {
	postings := 0
	for i := range s.terms {
		postings += len(s.terms[i].window)
	}
	if s.allow != nil && s.allowed()*len(s.terms)*lookupCost < postings {
		s.lookUp()
		return
	}
	s.scan()
	s.collect()
}

// allowed counts the allowed rows of the window.
func (s *search) allowed() (n int) {
	for i := range s.found {
		n += bits.OnesCount64(s.allow.Word(int(s.start/64) + i))
	}
	return n
}

// lookUp offers the allowed rows of a window one by one: there are few.
func (s *search) lookUp() {
	for i := range s.found {
		word := s.allow.Word(int(s.start/64) + i)
		for ; word != 0; word &= word - 1 {
			s.offer(s.start + uint32(i*64+bits.TrailingZeros64(word)))
		}
	}
}

// offer scores a row by looking up each dimension of the query. Rows come in order.
func (s *search) offer(row uint32) {
	sum, matches := 0.0, false
	for i := range s.terms {
		t := &s.terms[i]
		if value, ok := t.find(row); ok {
			sum += float64(t.weight * float64(value))
			matches = true
		}
	}
	if matches {
		s.top.Offer(index.Candidate{Ordinal: row, Score: score(sum)})
	}
}

// find returns what a row has of the dimension. Rows before it cannot be asked for any more.
func (t *term) find(row uint32) (value float32, ok bool) {
	t.window = t.window[seek(t.window, row):]
	if len(t.window) == 0 || t.window[0].ordinal != row {
		return 0, false
	}
	return t.window[0].value, true
}

// scan adds up what rows get, term by term.
func (s *search) scan() {
	for i := range s.terms {
		t := &s.terms[i]
		for _, p := range t.window {
			at := (p.ordinal - s.start) % windowRows
			// The conversion forbids fused multiply-add, which would differ between CPUs.
			s.sums[at] += float64(t.weight * float64(p.value))
			s.found[at/64] |= 1 << (at % 64)
		}
	}
}

// collect offers the rows that were scanned and may be found, and clears the window.
func (s *search) collect() {
	for i, word := range s.found {
		if s.allow != nil {
			word &= s.allow.Word(int(s.start/64) + i)
		}
		for ; word != 0; word &= word - 1 {
			at := i*64 + bits.TrailingZeros64(word)
			s.top.Offer(index.Candidate{Ordinal: s.start + uint32(at), Score: score(s.sums[at])})
		}
	}
	clear(s.sums[:])
	clear(s.found[:])
}

// score rounds a sum once. What is too large for a float32 is the largest, as in other indexes.
func score(sum float64) float32 {
	return float32(max(-math.MaxFloat32, min(sum, math.MaxFloat32))) + 0
}
