package hnsw

import (
	"context"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/quant"
)

// searcher is what one search needs; searches take them from a pool.
type searcher struct {
	v          *view
	z          *quant.Quantizer // of query
	query      *quant.Query
	target     []float32 // the query as rows are
	targetNorm float64

	walk    distance.Walk // with what was visited, and the best rows met
	heap    keyHeap       // rows to look at, where they are not those of the answer
	crossed []uint32      // rows that do not pass, whose links are followed all the same
	seeds   []int64       // keys of rows that pass, where a walk over those alone begins
	asked   uint32

	ids       [2 * MaxM]uint32
	positions [2 * MaxM]uint32
	scores    [2 * MaxM]float32

	sums      [rerankBatch]float64
	estimates []estimate
	wide      wide
	chooser   chooser
	Stats
}

// begin prepares the searcher for a view.
func (s *searcher) begin(v *view) {
	s.v, s.Stats = v, Stats{}
	if len(s.walk.Visited) < v.places {
		s.walk.Visited, s.walk.Epoch = make([]uint8, v.places), 0
	}
}

// nextEpoch forgets what was visited.
func (s *searcher) nextEpoch() {
	s.walk.Epoch++
	if s.walk.Epoch == 0 {
		clear(s.walk.Visited)
		s.walk.Epoch = 1
	}
}

// setQuery makes q the vector that codes are compared with.
func (s *searcher) setQuery(z *quant.Quantizer, q []float32, codes quant.Rows) error {
	if s.z != z {
		s.z, s.query = z, z.Query()
	}
	if err := s.query.Set(q); err != nil {
		return err
	}
	s.query.SetRegion(codes)
	return nil
}

// unseen gathers the links of a row that this epoch has not seen, and marks them.
func (s *searcher) unseen(place uint32, row []uint32) (ids []uint32, err error) {
	n := 0
	visited, epoch := s.walk.Visited[:s.v.places], s.walk.Epoch
	for i := range row {
		id := atomic.LoadUint32(&row[i])
		if id == place {
			break // the rest is unused
		}
		if int(id) >= len(visited) {
			return nil, strayLink(place, id)
		}
		s.ids[n] = id
		if visited[id] != epoch {
			n++
		}
		visited[id] = epoch
	}
	return s.ids[:n], nil
}

func strayLink(place, id uint32) error {
	return lode.Errorf(lode.CodeCorrupt, "search index: row %d links to row %d, which does not exist", place, id)
}

// descend goes from the entry at its level down to just above the last level, at each to
// the row nearest to the query.
func (s *searcher) descend(ctx context.Context, entry uint32, from, to int) (uint32, float32, error) {
	s.ids[0] = entry
	s.query.Scorer().Scores(s.scores[:1], s.ids[:1])
	at, score := entry, s.scores[0]
	for level := from; level > to; level-- {
		if err := s.traverse(ctx, level, at, score, 1, 0); err != nil {
			return 0, 0, err
		}
		best := s.walk.Pool.Keys()[0]
		at, score = distance.KeyRow(best), distance.KeyScore(best)
	}
	return at, score, nil
}

// lookEvery is how many rows a search expands between two looks at its context.
const lookEvery = 128

// traverse fills the walk's pool with the ef nearest rows that a best-first search from the
// entry finds at a level.
func (s *searcher) traverse(ctx context.Context, level int, entry uint32, score float32, ef, spare int) error {
	s.beginWalk(entry, score, ef, spare)
	if level > 0 {
		if s.v.upperAt != nil {
			return s.traverseUpper(ctx, level)
		}
		start, n := s.v.levels[level-1].start, s.v.levels[level-1].rows
		s.walk.Links, s.walk.Slots, s.walk.Nodes = s.v.upper[start*s.v.m:(start+n)*s.v.m], s.v.m, n
	}
	for {
		if done, err := s.advance(ctx, lookEvery); done || err != nil {
			return err
		}
	}
}

// beginWalk sets the walk to begin at the entry, at level 0.
func (s *searcher) beginWalk(entry uint32, score float32, ef, spare int) {
	s.nextEpoch()
	s.walk.Visited[entry] = s.walk.Epoch
	s.walk.Pool.Reset(ef, spare)
	s.walk.Pool.Insert(distance.Key(score, entry))
	s.walk.Links, s.walk.Slots, s.walk.Nodes = s.v.links, s.v.width, s.v.places
}

// advance follows the links of some more rows, and says whether none is left to follow.
func (s *searcher) advance(ctx context.Context, hops int) (done bool, err error) {
	s.walk.Hops, s.walk.Compared = 0, 0
	status := s.walk.Run(s.query.Scorer(), hops)
	s.Hops += s.walk.Hops
	s.Compared += s.walk.Compared
	switch status {
	case distance.Done:
		return true, nil
	case distance.Stray:
		return false, lode.Errorf(lode.CodeCorrupt, "search index: a link leads to a row that does not exist")
	}
	return false, index.Stopped(ctx)
}

// traverseUpper is traverse at the levels above 0, whose links lie in no simple order.
func (s *searcher) traverseUpper(ctx context.Context, level int) error {
	pool, scorer := &s.walk.Pool, s.query.Scorer()
	for hops := 1; ; hops++ {
		place, ok := pool.Take()
		if !ok {
			s.Hops += hops
			return nil
		}
		if hops%lookEvery == 0 {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
		}
		ids, err := s.unseen(place, s.v.row(level, place))
		if err != nil {
			return err
		}
		s.Compared += len(ids)
		n := scorer.Batch(s.positions[:], s.scores[:], ids, pool.Threshold())
		for i, score := range s.scores[:n] {
			pool.Insert(distance.Key(score, ids[s.positions[i]]))
		}
	}
}
