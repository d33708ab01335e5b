package hnsw

import (
	"context"
	"math"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
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
	// Plan says how rows that do not pass are dealt with. The default is [Auto], the plan
	// that costs least; the others are for measuring and for tests. Exact searches, and those
	// that want more rows than a search can be broad, scan whatever it says.
	Plan Plan
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
	return o.Plan.validate()
}

// graph is what a search asks of an [Index] or a [Sealed].
type graph interface {
	Options() Options
	// snapshot is what a search that begins now reads.
	snapshot(allow *index.Bitset) snapshot
	planner() *Planner
	borrow() *searcher
	giveBack(*searcher)
}

// snapshot is a graph at one moment.
type snapshot struct {
	filter
	entry uint64 // where searches begin; see entryOf
	// state keeps the memory of an Index reachable.
	state *state
}

// Search answers with the k best of the allowed rows that a search of the default breadth
// finds; see [index.Dense].
func (x *Index) Search(ctx context.Context, query lode.Vector, k int, allow *index.Bitset) ([]index.Candidate, error) {
	return x.SearchWith(ctx, query, SearchOptions{K: k, Allow: allow})
}

// SearchWith is [Index.Search] with all options.
func (x *Index) SearchWith(ctx context.Context, query lode.Vector, o SearchOptions) ([]index.Candidate, error) {
	return searchWith(ctx, x, query, o)
}

func searchWith(ctx context.Context, g graph, query lode.Vector, o SearchOptions) (found []index.Candidate, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Ef == 0 {
		o.Ef = g.Options().Ef
	}
	err = withSearcher(ctx, g, query, o.Allow, o.Stats, func(s *searcher, entry uint64, f filter) error {
		found, err = s.search(ctx, g, o, entry, f)
		return err
	})
	return found, err
}

// withSearcher checks a query and lends f a searcher that is set to it.
func withSearcher(ctx context.Context, g graph, query lode.Vector, allow *index.Bitset, stats *Stats, f func(*searcher, uint64, filter) error) error {
	if err := index.Stopped(ctx); err != nil {
		return err
	}
	s := g.borrow()
	if err := s.setTarget(g.Options(), query); err != nil {
		g.giveBack(s)
		return err
	}
	at := g.snapshot(allow)
	defer runtime.KeepAlive(at.state)
	s.begin(at.view)
	if err := f(s, at.entry, at.filter); err != nil {
		return err // what the searcher holds is dropped: a fault may have left it half written
	}
	if stats != nil {
		*stats = s.Stats
	}
	g.giveBack(s)
	return nil
}

func (x *Index) planner() *Planner    { return &x.plans }
func (x *Index) borrow() *searcher    { return x.searchers.Get().(*searcher) }
func (x *Index) giveBack(s *searcher) { x.searchers.Put(s) }

func (x *Index) snapshot(allow *index.Bitset) snapshot {
	at := snapshot{filter: filter{rows: x.count.Load(), allow: allow}} // in this order; see Index
	at.entry = x.entry.Load()
	at.state = x.state.Load()
	at.view = &at.state.view
	if x.gone.Load() > 0 {
		at.deleted = at.state.deleted
	}
	at.extent = at.state.extent.load()
	if list := at.state.oversized.Load(); list != nil {
		at.oversized = *list
	}
	return at
}

// search answers with the best rows that pass the filter.
func (s *searcher) search(ctx context.Context, g graph, o SearchOptions, entry uint64, f filter) ([]index.Candidate, error) {
	if f.rows == 0 {
		return nil, nil
	}
	matching := f.count()
	if matching == 0 {
		return nil, nil
	}
	if !(s.targetNorm <= longest) {
		return s.compareAll(ctx, o.K, f)
	}
	if err := s.setQuery(s.v.z, s.target, s.v.codes); err != nil {
		return nil, err
	}
	wanted := min(o.K, matching)
	ef := max(o.Ef, min(wanted, MaxEf))
	exact := o.Exact || ef >= int(f.rows)
	s.query.SetCertain(exact)
	if entry == 0 || exact || wanted > ef {
		return s.scan(ctx, o.K, f)
	}
	if !f.passesAll() {
		t := task{k: o.K, ef: ef + 1, matching: matching, rows: int(f.rows)}
		q := filtered{task: t, o: o, entry: entry, filter: f, wanted: wanted, spare: spare(s.v.z.Options().Kind, t.ef, o.K)}
		return s.searchFiltered(ctx, g, &q)
	}
	if scanIsCheaper(matching, int(f.rows), ef) {
		return s.scan(ctx, o.K, f)
	}
	level, place := entryOf(entry)
	at, score, err := s.descend(ctx, place, level, 0)
	if err != nil {
		return nil, err
	}
	ef++ // one to spare: graphs over rounded rows lead a little less straight, see DESIGN.md
	if err := s.traverse(ctx, 0, at, score, ef, spare(s.v.z.Options().Kind, ef, o.K)); err != nil {
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

// setTarget checks a query and keeps it in the form that rows have. A sum of squares that is
// finite proves that all numbers are.
func (s *searcher) setTarget(o Options, query lode.Vector) error {
	if len(query) != o.Dim {
		return query.ValidateFor(o.Dim, o.Metric)
	}
	s.target = append(s.target[:0], query...)
	if o.Metric == lode.Cosine {
		s.targetNorm = distance.Normalize(s.target, query)
	} else {
		s.targetNorm = distance.Norm(query)
	}
	if !(s.targetNorm <= math.MaxFloat64) || s.targetNorm == 0 {
		if err := query.ValidateFor(o.Dim, o.Metric); err != nil {
			return err
		}
	}
	if o.Metric == lode.Cosine {
		s.targetNorm = 1
	}
	return nil
}

// spare is how many rows beyond the breadth of a search are kept to be compared in full: the
// coarser the codes, the farther down the right rows may stand.
func spare(kind quant.Kind, ef, k int) int {
	switch kind {
	case quant.Int8:
		return max(0, k+k/2-ef)
	case quant.Int4:
		return max(0, 3*k-ef)
	case quant.Bit1:
		return max(0, 10*k-ef)
	}
	return 0
}

// rerank answers with the k best rows of the pool by their full vectors. The bounds of the
// codes' scores decide which rows are read: those that may be among the k best.
func (s *searcher) rerank(k int, f filter) []index.Candidate {
	best := index.NewTopK(k)
	s.addOversized(best, f)
	keys := s.walk.Pool.Keys()
	limit := boundShare * s.query.MaxBound(f.extent, largestScore(keys))
	n, all := 0, f.passesAll()
	flush := func() {
		s.offer(best, n)
		n = 0
	}
	for _, key := range keys {
		score, place := distance.KeyScore(key), distance.KeyRow(key)
		ordinal := s.v.ordinal(place)
		if ordinal >= f.rows || !all && !f.passes(ordinal) {
			continue // the former is of a batch that is not published yet
		}
		if !best.Full() && best.Held()+n == k {
			flush() // what these score decides how many more are read
		}
		if best.Full() {
			worst := -best.Worst().Score
			if score-limit > worst {
				break
			}
			if score-boundShare*s.bound(place, score, f) > worst {
				continue
			}
		}
		s.ids[n] = ordinal
		if n++; n == rerankBatch {
			flush()
		}
	}
	flush()
	return best.Sorted()
}

// boundShare narrows the bounds after a traversal, to 2.5 deviations: what they then miss is
// far less than what the traversal did. DESIGN.md has the measurement.
const boundShare = 0.7

// rerankBatch is how many full vectors are read by one call.
const rerankBatch = 12

// bound is how far a row's score may be from the true one. Where codes are the vectors, one
// bound for all spares reading them.
func (s *searcher) bound(place uint32, score float32, f filter) float32 {
	if s.v.z.Options().Kind == quant.None {
		return s.query.MaxBound(f.extent, score)
	}
	return s.query.Bound(place, score)
}

// largestScore is the largest magnitude of sorted scores.
func largestScore(keys []int64) float32 {
	if len(keys) == 0 {
		return 0
	}
	a, b := distance.KeyScore(keys[0]), distance.KeyScore(keys[len(keys)-1])
	return max(a, -a, b, -b)
}

// offer scores the first n rows of ids, ordinals, by their full vectors: exactly, in float64
// in one fixed order and rounded once, so that every CPU gives the same.
func (s *searcher) offer(best *index.TopK, n int) {
	if n == 0 {
		return
	}
	s.Reranked += n
	v := s.v
	rows := s.ids[:n]
	if v.placed {
		rows = s.positions[:n]
		for i, o := range s.ids[:n] {
			rows[i] = v.place(o)
		}
	}
	distance.ExactRows(s.sums[:n], v.metric, s.target, v.vectors, v.span, rows)
	for i, o := range s.ids[:n] {
		best.Offer(index.Candidate{Ordinal: o, Score: finalScore(v.metric, s.sums[i])})
	}
}

// finalScore rounds an exact sum to the score that a row is answered with. Rounding must not
// make an infinity, and -0 would not equal the 0 it is.
func finalScore(metric lode.Metric, sum float64) float32 {
	if metric == lode.L2 {
		sum = -sum
	}
	return float32(max(-math.MaxFloat32, min(sum, math.MaxFloat32))) + 0
}

// addOversized compares the query with the rows that are in no graph.
func (s *searcher) addOversized(best *index.TopK, f filter) {
	for _, o := range f.oversized {
		if f.passes(o) {
			best.Offer(index.Candidate{Ordinal: o, Score: s.exactScore(o)})
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
			best.Offer(index.Candidate{Ordinal: o, Score: s.exactScore(o)})
		}
	}
	s.Scanned = true
	return best.Sorted(), nil
}
