package hnsw

import (
	"context"
	"math"
	"time"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// filtered is a search some rows of which do not pass, and what plans are chosen by.
type filtered struct {
	task
	o      SearchOptions
	entry  uint64
	filter filter
	wanted int // rows that the answer must have
	spare  int
	model  CostModel
	fix    Costs // corrections
	plans  *Planner
	// looking says that a scan seemed cheapest, and a walk was begun only to look around.
	looking bool
}

// searchFiltered chooses a plan, runs it, and learns from what it took.
func (s *searcher) searchFiltered(ctx context.Context, g graph, q *filtered) ([]index.Candidate, error) {
	planner := g.planner()
	q.plans = planner
	q.model, q.fix = planner.modelFor(g, s.v, q.rows), planner.Corrections(q.matching, q.rows)
	s.Allowed, s.Predicted = q.matching, q.model.predict(q.task, q.share()).times(q.fix)
	begun := time.Now()
	found, predicted, err := s.run(ctx, q)
	s.Nanos, s.Expected = time.Since(begun).Nanoseconds(), predicted*q.fix.Of(s.Plan)
	if err == nil && !s.Switched {
		planner.observe(s.Plan, q.task, predicted, float64(s.Nanos))
	}
	return found, err
}

// run carries out the plan, or that which turns out to be cheaper on the way. predicted is
// what the model says of it, uncorrected and with what the walk has seen.
func (s *searcher) run(ctx context.Context, q *filtered) (found []index.Candidate, predicted float64, err error) {
	hops := s.firstLook(q)
	if s.Plan != PlanScan {
		s.Plan, err = s.walkFiltered(ctx, q, hops)
		if err != nil {
			return nil, 0, err
		}
		if q.looking {
			q.plans.looked(q.task, s.Plan == PlanScan)
		}
	}
	if s.Plan == PlanScan {
		found, err = s.scan(ctx, q.k, q.filter)
		return found, q.model.scan(q.task), err
	}
	predicted = q.expected(s.Plan, s.Near)
	if found = s.rerank(q.k, q.filter); len(found) < q.wanted { // rows that no link leads to
		s.Plan, s.Switched = PlanScan, true
		found, err = s.scan(ctx, q.k, q.filter)
	}
	return found, predicted, err
}

// expected is what the model says of a walk after it was seen how many rows near the query pass.
func (q *filtered) expected(p Plan, near float64) float64 {
	if p == PlanTwoHop {
		if q.o.Plan == Auto && near < starving*q.share() {
			return math.Inf(1)
		}
		return q.model.twoHop(q.task, max(near, q.share()))
	}
	return q.model.traverse(q.task, min(breadth(q.k, q.ef, near), q.broadest()))
}

// starving is by how much fewer rows than elsewhere must pass near the query for two-hop
// expansion to be left alone: it would enter the rows that pass from one side, and stay there.
const starving = 0.5

// The first look at which rows pass near the query comes after some hops: few enough to cost
// no more than a share of a scan, should the search end in one.
const (
	leastLook  = 4
	longLook   = 32
	lookShare  = 0.05
	laterLooks = 256 // hops from one look to the next
)

// tolerance is by how much a walk may be less broad than what it saw asks for in the end: the
// share was estimated.
const tolerance = 1.125

// doubt is what is left of a walk that asks for more than it did before, by what it now says:
// the rows that pass become fewer the nearer it comes.
const doubt = 1.5

// firstLook sets the plan to begin with and returns after how many hops to look around. A
// walk is begun also where a scan seems to be cheaper, if it would not be with every row
// near the query passing, and if a look costs little beside the scan.
func (s *searcher) firstLook(q *filtered) (hops int) {
	if q.o.Plan != Auto {
		s.Plan = q.o.Plan
		return longLook
	}
	s.Plan = s.Predicted.Cheapest()
	affordable := int((lookShare*s.Predicted.Scan - q.model.Descend) / q.model.Hop)
	best := q.model.traverse(q.task, q.ef) * q.fix.Traverse
	if s.Plan == PlanScan && affordable >= leastLook && best < s.Predicted.Scan && q.plans.worthLooking(q.task) {
		s.Plan, q.looking = PlanTraverse, true
	}
	return max(leastLook, min(affordable, longLook))
}

// walkFiltered walks over all rows, looking from time to time at how many pass near the query
// and how broad the walk must be for that. It returns the plan that its pool answers, or that
// is to be run instead.
func (s *searcher) walkFiltered(ctx context.Context, q *filtered, hops int) (Plan, error) {
	level, place := entryOf(q.entry)
	at, score, err := s.descend(ctx, place, level, 0)
	if err != nil {
		return "", err
	}
	follow, promised, most := q.ef, 0, q.broadest()
	s.beginWalk(at, score, follow, s.room(q, breadth(q.k, q.ef, q.share()))-follow)
	before := s.Hops
	for {
		done, err := s.advanceBy(ctx, hops)
		if err != nil {
			return "", err
		}
		s.Near = s.nearShare(q, follow, done)
		need := min(breadth(q.k, q.ef, s.Near), most)
		next := s.nextPlan(q, s.Hops-before, need, promised)
		switch {
		case next == PlanScan:
			s.Switched = true
			return next, nil
		case next == PlanTwoHop:
			return s.twoHop(ctx, q)
		case done && float64(need) <= tolerance*float64(follow):
			return next, nil
		}
		follow, promised, hops = need, need, laterLooks
		s.walk.Pool.Resize(follow, s.room(q, follow)-follow)
	}
}

// advanceBy is advance for any number of rows, which looks at the context as often as ever.
func (s *searcher) advanceBy(ctx context.Context, hops int) (done bool, err error) {
	for ; hops > 0 && !done && err == nil; hops -= lookEvery {
		done, err = s.advance(ctx, min(hops, lookEvery))
	}
	return done, err
}

// room is how many rows the pool of a walk holds, so that it may become broader later.
func (s *searcher) room(q *filtered, follow int) int { return follow + follow/8 + q.spare }

// broadest is the breadth at which a walk that finds no rows that pass gives up.
func (q *filtered) broadest() int {
	const enough, times = 2048, 16
	return max(q.ef, min(q.rows, max(enough, times*q.ef)))
}

// nextPlan decides after some hops how to go on: the cheapest from here. Two-hop expansion
// may take over at the first look only, when little is lost. need is the breadth that the
// walk now asks for; where it promised to do with less, it is not believed to be the last word.
func (s *searcher) nextPlan(q *filtered, hops, need, promised int) Plan {
	if q.o.Plan != Auto {
		return q.o.Plan
	}
	spent := q.fix.Traverse * (q.model.Descend + float64(hops)*q.model.Hop)
	left := q.fix.Traverse*q.model.traverse(q.task, need) - spent
	costs := Costs{Scan: s.Predicted.Scan, Traverse: left, TwoHop: math.Inf(1)}
	switch {
	case promised == 0:
		costs.TwoHop = q.fix.TwoHop * q.expected(PlanTwoHop, s.Near)
	case float64(need) > tolerance*float64(promised):
		costs.Traverse = spent + doubt*left
	}
	return costs.Cheapest()
}

// nearShare is the share of rows that pass among the best of the pool, or in the end among
// all that were followed. Of a few rows it is drawn to the share of all.
func (s *searcher) nearShare(q *filtered, follow int, done bool) float64 {
	const prior, lookedAt = 2, 64
	if !done {
		follow = lookedAt
	}
	keys := s.walk.Pool.Keys()
	keys = keys[:min(len(keys), follow)]
	pass, f, v := 0, &q.filter, s.v
	for _, key := range keys {
		if f.passes(v.ordinal(distance.KeyRow(key))) {
			pass++
		}
	}
	return (float64(pass) + prior*q.share()) / (float64(len(keys)) + prior)
}
