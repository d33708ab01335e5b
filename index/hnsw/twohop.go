package hnsw

import (
	"context"
	"sync/atomic"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// twoHop goes on from the rows that a walk has met, over rows that pass alone: their codes
// are compared, of those that do not pass only the links are read, once each, and what they
// lead to takes their place. It returns [PlanScan] where that turns out to cost more.
func (s *searcher) twoHop(ctx context.Context, q *filtered) (Plan, error) {
	s.seedTwoHop(q)
	if err := s.compareBeyond(q, s.crossed); err != nil {
		return "", err
	}
	pool, hops := &s.walk.Pool, 0
	lists, compared := s.Lists, s.Compared
	for {
		place, ok := pool.Take()
		if !ok {
			s.Hops += hops
			return PlanTwoHop, nil
		}
		if hops++; hops%dearLooks == 0 {
			if err := index.Stopped(ctx); err != nil {
				return "", err
			}
			if s.tooDear(q, hops, s.Lists-lists, s.Compared-compared) {
				s.Hops += hops
				s.Switched = true
				return PlanScan, nil
			}
		}
		if err := s.expandTwoHop(q, place); err != nil {
			return "", err
		}
	}
}

// seedTwoHop empties the pool but for rows that pass, and keeps the best of the others to
// begin from, too.
func (s *searcher) seedTwoHop(q *filtered) {
	const starts = 16
	s.seeds, s.crossed = s.seeds[:0], s.crossed[:0]
	for _, key := range s.walk.Pool.Keys() {
		place := distance.KeyRow(key)
		if q.filter.passes(s.v.ordinal(place)) {
			s.seeds = append(s.seeds, distance.Key(distance.KeyScore(key), place))
		} else if len(s.crossed) < starts {
			s.crossed = append(s.crossed, place)
		}
	}
	s.nextEpoch()
	s.walk.Pool.Reset(q.ef, q.spare)
	for _, key := range s.seeds {
		s.walk.Visited[distance.KeyRow(key)] = s.walk.Epoch
		s.walk.Pool.Insert(key)
	}
	for _, place := range s.crossed {
		s.walk.Visited[place] = s.walk.Epoch
	}
}

// dearLooks is how many hops of two-hop expansion come between two looks at its cost.
const dearLooks = 32

// tooDear says whether what is left to do, at the pace so far, costs more than a scan.
func (s *searcher) tooDear(q *filtered, hops, lists, compared int) bool {
	if q.o.Plan != Auto {
		return false
	}
	spent := float64(lists)*q.model.List + float64(compared)*q.model.Hop/max(q.model.Met, 1)
	left := spent * float64(q.ef-hops) / float64(hops)
	return left*q.fix.TwoHop > s.Predicted.Scan
}

// expandTwoHop compares the neighbours of a row that pass, and those that the others lead to.
func (s *searcher) expandTwoHop(q *filtered, place uint32) error {
	ids, err := s.unseen(place, s.v.row(0, place))
	if err != nil {
		return err
	}
	n := 0
	s.crossed = s.crossed[:0]
	for _, id := range ids {
		if q.filter.passes(s.v.ordinal(id)) {
			s.ids[n] = id // never ahead of what is read
			n++
		} else {
			s.crossed = append(s.crossed, id)
		}
	}
	s.meet(n)
	return s.compareBeyond(q, s.crossed)
}

// compareBeyond compares what rows that do not pass lead to, and that passes.
func (s *searcher) compareBeyond(q *filtered, crossed []uint32) error {
	s.askFor(crossed)
	n, width := 0, s.v.width
	visited, epoch := s.walk.Visited[:s.v.places], s.walk.Epoch
	for _, place := range crossed {
		row := s.v.row(0, place)
		if n+width > len(s.ids) {
			s.meet(n)
			n = 0
		}
		for i := range row {
			id := atomic.LoadUint32(&row[i])
			if id == place {
				break
			}
			if int(id) >= len(visited) {
				return strayLink(place, id)
			}
			if visited[id] == epoch || !q.filter.passes(s.v.ordinal(id)) {
				continue
			}
			visited[id] = epoch
			s.ids[n] = id
			n++
		}
	}
	s.Lists += len(crossed)
	s.meet(n)
	return nil
}

// askFor reads a word of each list before any of them is needed, so that memory brings all of
// them at the same time.
func (s *searcher) askFor(places []uint32) {
	var sum uint32
	for _, place := range places {
		sum += atomic.LoadUint32(&s.v.links[int(place)*s.v.width])
	}
	s.asked = sum // or the compiler would find that nobody wants it
}

// meet compares the first n rows of ids and puts those that are good enough into the pool.
func (s *searcher) meet(n int) {
	if n == 0 {
		return
	}
	pool := &s.walk.Pool
	s.Compared += n
	kept := s.query.Scorer().Batch(s.positions[:], s.scores[:], s.ids[:n], pool.Threshold())
	for i, score := range s.scores[:kept] {
		pool.Insert(distance.Key(score, s.ids[s.positions[i]]))
	}
}
