package hnsw

import (
	"context"
	"math"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/quant"
)

// SearchOptions shape one search. Only K has no default.
type SearchOptions struct {
	K int // of rows wanted, at least 1
	// Ef is the breadth of the search: the larger, the more of the right rows are found, and
	// the longer it takes. The default is that of the index; never less than K.
	Ef int
	// Allow holds the ordinals that may be answered. The default is all.
	Allow *index.Bitset
	// Exact compares the query with every allowed row and leaves nothing to chance: the
	// answer is the right one. A breadth of at least the number of rows does the same. A
	// search that compares all rows because it is cheaper uses the codes' usual bounds,
	// which one in some thousand rows exceeds.
	Exact bool
	// Stats, if given, receives what the search did.
	Stats *Stats
}

func (o SearchOptions) check() error {
	if err := index.CheckK(o.K); err != nil {
		return err
	}
	if o.Ef < 0 || o.Ef > MaxEf {
		return lode.Invalid("ef", o.Ef, "ef must be from 1 to %d, or 0 for the default", MaxEf)
	}
	return nil
}

// Search answers with the k best of the allowed rows that a search of the default breadth
// finds; see [index.Dense].
func (x *Index) Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	return x.SearchWith(ctx, query, SearchOptions{K: k, Allow: allow})
}

// SearchWith is [Index.Search] with all options.
func (x *Index) SearchWith(ctx context.Context, query lode.Vector, o SearchOptions) ([]index.Candidate, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := query.ValidateFor(x.o.Dim, x.o.Metric); err != nil {
		return nil, err
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	if o.Ef == 0 {
		o.Ef = x.o.Ef
	}
	s := x.searchers.Get().(*searcher)
	defer x.searchers.Put(s)
	f := filter{rows: x.count.Load(), allow: o.Allow} // in this order; see Index
	entry := x.entry.Load()
	state := x.state.Load()
	defer runtime.KeepAlive(state)
	s.begin(&state.view)
	f.view = &state.view
	if x.gone.Load() > 0 {
		f.deleted = state.deleted
	}
	f.extent = state.extent.load()
	if list := state.oversized.Load(); list != nil {
		f.oversized = *list
	}
	found, err := s.search(ctx, x.normal(query), o, entry, f)
	if o.Stats != nil {
		*o.Stats = s.Stats
	}
	return found, err
}

// search answers with the best rows that pass the filter. The query is as rows are.
func (s *searcher) search(ctx context.Context, query []float32, o SearchOptions, entry uint64, f filter) ([]index.Candidate, error) {
	if f.rows == 0 {
		return nil, nil
	}
	matching := f.count()
	if matching == 0 {
		return nil, nil
	}
	s.target = query
	if oversized(query) {
		return s.compareAll(ctx, o.K, f)
	}
	if err := s.setQuery(s.v.z, query, s.v.codes, s.v.stride); err != nil {
		return nil, err
	}
	s.exact.SetFloats(0, s.v.metric, query)
	s.exact.SetRows(s.v.vectors, s.v.span, -1)
	wanted := min(o.K, matching)
	ef := max(o.Ef, min(wanted, MaxEf))
	exact := o.Exact || ef >= int(f.rows)
	s.query.SetCertain(exact)
	if entry == 0 || exact || scanIsCheaper(matching, int(f.rows), ef) || wanted > ef {
		return s.scan(ctx, o.K, f)
	}
	level, place := entryOf(entry)
	at, score, err := s.descend(place, level, 0)
	if err != nil {
		return nil, err
	}
	if f.passesAll() {
		err = s.traverse(ctx, 0, at, score, ef)
	} else {
		err = s.traverseFiltered(ctx, at, score, ef, f)
	}
	if err != nil {
		return nil, err
	}
	found := s.rerank(o.K, f)
	if len(found) < wanted { // rows that no link leads to
		return s.scan(ctx, o.K, f)
	}
	return found, nil
}

// scanIsCheaper estimates what costs less: to compare the query with the codes of all
// matching rows, or to traverse the graph until ef of them are found. A traversal compares
// about comparedPerStep rows for each row that it follows the links of, and follows those
// of as many rows as it needs to meet ef matching ones. A row met at random costs as much as
// scanFactor rows of a scan.
func scanIsCheaper(matching, rows, ef int) bool {
	const comparedPerStep, scanFactor = 20, 3
	return float64(matching)*float64(matching) < comparedPerStep*scanFactor*float64(ef)*float64(rows)
}

// rerank answers with the k best rows of the pool by their full vectors. The bounds of the
// codes' scores decide which rows are read: those that may be among the k best.
func (s *searcher) rerank(k int, f filter) []index.Candidate {
	best := index.NewTopK(k)
	s.addOversized(best, f)
	keys := s.pool.keys
	limit := s.query.MaxBound(f.extent, largestScore(keys))
	for i, n := 0, 0; i < len(keys); {
		worst := float32(math.Inf(1))
		if best.Full() {
			worst = -best.Worst().Score
		}
		for n = 0; i < len(keys) && n < rerankBatch; i++ {
			score, place := scoreOf(keys[i]), idOf(keys[i])
			if score-limit > worst {
				i = len(keys)
				break
			}
			if !best.Full() && best.Held()+n >= k && n > 0 {
				break // what the first k score decides how many more are read
			}
			if ordinal := s.v.ordinal(place); ordinal < f.rows && (!best.Full() || score-s.bound(place, score, f) <= worst) {
				s.ids[n] = ordinal
				n++
			}
		}
		s.offer(best, s.ids[:n])
	}
	return s.answer(best)
}

// rerankBatch is how many full vectors are read by one call.
const rerankBatch = 16

// bound is how far a row's score may be from the true one. Where codes are the vectors, one
// bound for all spares reading them.
func (s *searcher) bound(place uint32, score float32, f filter) float32 {
	if s.v.z.Options().Kind == quant.None {
		return s.query.MaxBound(f.extent, score)
	}
	return s.query.Bound(place, score)
}

// largestScore is the largest magnitude of sorted scores.
func largestScore(keys []uint64) float32 {
	if len(keys) == 0 {
		return 0
	}
	a, b := scoreOf(keys[0]), scoreOf(keys[len(keys)-1])
	return max(a, -a, b, -b)
}

// offer scores rows by their full vectors, in float32.
func (s *searcher) offer(best *index.TopK, ordinals []uint32) {
	if len(ordinals) == 0 {
		return
	}
	s.Reranked += len(ordinals)
	scores := s.scores[:len(ordinals)]
	s.exact.Scores(scores, ordinals)
	for i, o := range ordinals {
		best.Offer(index.Candidate{Ordinal: o, Score: -scores[i]})
	}
}

// answer gives the rows that are held their exact scores, the same on every CPU, and sorts.
func (s *searcher) answer(best *index.TopK) []index.Candidate {
	held := best.Sorted()
	final := index.NewTopK(len(held))
	for _, c := range held {
		c.Score = s.v.exactScore(s.target, c.Ordinal)
		final.Offer(c)
	}
	return final.Sorted()
}

// addOversized compares the query with the rows that are in no graph.
func (s *searcher) addOversized(best *index.TopK, f filter) {
	for _, o := range f.oversized {
		if f.passes(o) {
			best.Offer(index.Candidate{Ordinal: o, Score: s.v.exactScore(s.target, o)})
		}
	}
}

// compareAll answers a query that no code can be compared with.
func (s *searcher) compareAll(ctx context.Context, k int, f filter) ([]index.Candidate, error) {
	best := index.NewTopK(k)
	for o := range f.rows {
		if o%1024 == 0 {
			if err := index.Stopped(ctx); err != nil {
				return nil, err
			}
		}
		if f.passes(o) {
			best.Offer(index.Candidate{Ordinal: o, Score: s.v.exactScore(s.target, o)})
		}
	}
	s.Scanned = true
	return best.Sorted(), nil
}
