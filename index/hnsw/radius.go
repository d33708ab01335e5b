package hnsw

import (
	"context"
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// RadiusOptions shape a search for all rows within a distance.
type RadiusOptions struct {
	// Score is the least score of an answer: a cosine, a product, a negated squared distance.
	Score float32
	// Ef is how many rows the search keeps in view on its way to the first that is near
	// enough, and beyond the edge. The default is that of the index.
	Ef int
	// Limit bounds the answer; it then holds the best. The default is the number of rows.
	Limit int
	// Allow holds the ordinals that may be answered. The default is all.
	Allow *index.Bitset
	// Exact compares the query with every allowed row.
	Exact bool
	// Stats, if given, receives what the search did.
	Stats *Stats
}

func (o RadiusOptions) check() error {
	if s := float64(o.Score); math.IsNaN(s) || math.IsInf(s, 0) {
		return lode.Invalid("score", o.Score, "score must be a finite number")
	}
	if o.Limit < 0 {
		return lode.Invalid("limit", o.Limit, "limit must be at least 1, or 0 for all")
	}
	return SearchOptions{K: 1, Ef: o.Ef}.check()
}

// Radius answers with the rows whose score is at least o.Score, as far as the search finds
// them, best first.
func (x *Index) Radius(ctx context.Context, query lode.Vector, o RadiusOptions) ([]index.Candidate, error) {
	return radius(ctx, x, query, o)
}

func radius(ctx context.Context, g graph, query lode.Vector, o RadiusOptions) (found []index.Candidate, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Ef == 0 {
		o.Ef = g.Options().Ef
	}
	err = withSearcher(ctx, g, query, o.Allow, o.Stats, func(s *searcher, entry uint64, f filter) error {
		if o.Limit == 0 {
			o.Limit = int(f.rows)
		}
		found, err = s.radius(ctx, o, entry, f)
		return err
	})
	return found, err
}

func (s *searcher) radius(ctx context.Context, o RadiusOptions, entry uint64, f filter) ([]index.Candidate, error) {
	matching := f.count()
	if matching == 0 {
		return nil, nil
	}
	r := reach{options: o, best: index.NewTopK(o.Limit)}
	if !(s.targetNorm <= longest) {
		return r.cut(s.compareAll(ctx, o.Limit, f))
	}
	if err := s.setQuery(s.v.z, s.target, s.v.codes); err != nil {
		return nil, err
	}
	s.query.SetCertain(o.Exact || o.Ef >= int(f.rows))
	r.edge = -o.Score + s.query.MaxBound(f.extent, o.Score)
	if entry == 0 || o.Exact || scanIsCheaper(matching, int(f.rows), o.Ef) {
		return r.cut(s.scanReach(ctx, &r, f))
	}
	level, place := entryOf(entry)
	at, score, err := s.descend(ctx, place, level, 0)
	if err != nil {
		return nil, err
	}
	if err := s.traverseReach(ctx, at, score, &r, f); err != nil {
		return nil, err
	}
	s.addOversized(r.best, f)
	s.settleReach(&r)
	return r.cut(r.best.Sorted(), nil)
}

// reach is a search for what lies within a distance.
type reach struct {
	options RadiusOptions
	edge    float32 // the largest score of a code whose row may be within
	within  []uint32
	best    *index.TopK
}

// cut drops what is beyond the distance from a sorted answer.
func (r *reach) cut(found []index.Candidate, err error) ([]index.Candidate, error) {
	for i, c := range found {
		if c.Score < r.options.Score {
			return found[:i], err
		}
	}
	return found, err
}

// scanReach compares the codes of all rows that pass.
func (s *searcher) scanReach(ctx context.Context, r *reach, f filter) ([]index.Candidate, error) {
	s.Scanned = true
	threshold := math.Nextafter32(r.edge, float32(math.Inf(1)))
	err := s.eachRows(ctx, f, func(n int) {
		s.Compared += n
		n = s.query.Scorer().Batch(s.wide.positions[:], s.wide.scores[:], s.wide.ids[:n], threshold)
		for _, at := range s.wide.positions[:n] {
			r.within = append(r.within, s.wide.ordinals[at])
		}
	})
	if err != nil {
		return nil, err
	}
	s.addOversized(r.best, f)
	s.settleReach(r)
	return r.best.Sorted(), nil
}

// traverseReach follows the links of every row within reach, and of as many beyond as the
// breadth says.
func (s *searcher) traverseReach(ctx context.Context, entry uint32, score float32, r *reach, f filter) error {
	s.nextEpoch()
	s.walk.Visited[entry] = s.walk.Epoch
	s.walk.Pool.Reset(r.options.Ef, 0)
	s.heap = s.heap[:0]
	meet := func(score float32, place uint32) {
		key := distance.Key(score, place)
		s.heap.push(key)
		s.walk.Pool.Insert(key)
		if o := s.v.ordinal(place); score <= r.edge && f.passes(o) {
			r.within = append(r.within, o)
		}
	}
	meet(score, entry)
	for hops := 0; len(s.heap) > 0; hops++ {
		key := s.heap.pop()
		limit := max(r.edge, s.walk.Pool.Threshold())
		if distance.KeyScore(key) > limit {
			break
		}
		if hops%lookEvery == lookEvery-1 {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
		}
		place := distance.KeyRow(key)
		ids, err := s.unseen(place, s.v.row(0, place))
		if err != nil {
			return err
		}
		s.Hops++
		s.Compared += len(ids)
		n := s.query.Scorer().Batch(s.positions[:], s.scores[:], ids, math.Nextafter32(limit, float32(math.Inf(1))))
		for i, score := range s.scores[:n] {
			meet(score, ids[s.positions[i]])
		}
	}
	return nil
}

// settleReach compares in full what codes say may be within reach.
func (s *searcher) settleReach(r *reach) {
	for rest := r.within; len(rest) > 0; {
		n := copy(s.ids[:rerankBatch], rest)
		s.offer(r.best, n)
		rest = rest[n:]
	}
}
