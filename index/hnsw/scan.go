package hnsw

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// estimate is a row whose code was compared, with the least score that its bound allows.
type estimate struct {
	least   float32
	ordinal uint32
}

// scan answers with the k best rows that pass. It compares the codes of all of them; a row
// whose bound says that it cannot be among the best is forgotten, the others are compared in
// full, the most promising first, until no bound leaves hope for another.
func (s *searcher) scan(ctx context.Context, k int, f filter) ([]index.Candidate, error) {
	s.Scanned = true
	s.estimates = s.estimates[:0]
	most := index.NewTopK(k) // of the scores that rows have at most, negated: Worst bounds the k-th best
	err := s.eachRows(ctx, f, func(n int) { s.estimateRows(n, most, f) })
	if err != nil {
		return nil, err
	}
	return s.settle(k, f), nil
}

// eachRows gathers the rows that pass and are in the graph, some at a time, and calls use
// with their number.
func (s *searcher) eachRows(ctx context.Context, f filter, use func(n int)) error {
	return s.eachOf(ctx, f, 0, (int(f.rows)+63)/64, use)
}

// eachOf is eachRows for the words of the filter from first to before end.
func (s *searcher) eachOf(ctx context.Context, f filter, first, end int, use func(n int)) error {
	n := 0
	for i := first; i < end; i++ {
		if i%lookEvery == 0 {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
		}
		if n = s.gather(i, f, n); n >= gathered {
			use(n)
			n = 0
		}
	}
	if n > 0 {
		use(n)
	}
	return nil
}

// gather appends the rows of one word of the filter to the n that are gathered already.
func (s *searcher) gather(word int, f filter, n int) int {
	for w := f.word(word); w != 0; w &= w - 1 {
		ordinal := uint32(64*word + bits.TrailingZeros64(w))
		if len(f.oversized) > 0 && slices.Contains(f.oversized, ordinal) {
			continue
		}
		s.wide.ordinals[n], s.wide.ids[n] = ordinal, s.v.place(ordinal)
		n++
	}
	return n
}

// estimateRows compares the codes of the gathered rows and keeps those that may be among
// the best.
func (s *searcher) estimateRows(n int, most *index.TopK, f filter) {
	threshold := float32(math.Inf(1))
	if most.Full() {
		limit := -most.Worst().Score
		threshold = math.Nextafter32(limit+s.query.MaxBound(f.extent, limit), threshold)
	}
	s.Compared += n
	n = s.query.Scorer().Batch(s.wide.positions[:], s.wide.scores[:], s.wide.ids[:n], threshold)
	for j, score := range s.wide.scores[:n] {
		at := s.wide.positions[j]
		bound := s.bound(s.wide.ids[at], score, f)
		if most.Full() && score-bound > -most.Worst().Score {
			continue
		}
		ordinal := s.wide.ordinals[at]
		most.Offer(index.Candidate{Ordinal: ordinal, Score: -(score + bound)})
		s.estimates = append(s.estimates, estimate{score - bound, ordinal})
	}
}

// settle compares the estimated rows in full, as far as their bounds leave hope.
func (s *searcher) settle(k int, f filter) []index.Candidate {
	slices.SortFunc(s.estimates, func(a, b estimate) int {
		return cmp.Or(cmp.Compare(a.least, b.least), cmp.Compare(a.ordinal, b.ordinal))
	})
	best := index.NewTopK(k)
	s.addOversized(best, f)
	for rest := s.estimates; len(rest) > 0; {
		n := 0
		for n < len(rest) && n < rerankBatch {
			if best.Full() && rest[n].least > -best.Worst().Score {
				rest = rest[:n]
				break
			}
			s.ids[n] = rest[n].ordinal
			n++
		}
		s.offer(best, n)
		rest = rest[n:]
	}
	return best.Sorted()
}

// gathered is how many rows are worth a call.
const gathered = 64

// wide are buffers for gathered rows, and those of one more word.
type wide struct {
	ordinals, ids, positions [gathered + 63]uint32
	scores                   [gathered + 63]float32
}

func (s *searcher) exactScore(ordinal uint32) float32 {
	sum := [1]float64{}
	if s.v.placed {
		ordinal = s.v.place(ordinal)
	}
	distance.ExactRows(sum[:], s.v.metric, s.target, s.v.vectors, s.v.span, []uint32{ordinal})
	return finalScore(s.v.metric, sum[0])
}
