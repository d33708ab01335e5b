package ann

import (
	"fmt"
	"math"
)

// Names of the engines that figures compare.
const (
	lodeEngine = "lode"
	reference  = "hnswlib/f32" // M and efConstruction as in Params; ratios are to it
	fullConfig = "none"        // Lode with full vectors, where codes are not used
)

// qpsFloor is what Lode's default must reach, as a multiple of the reference; other recalls
// have no target.
var qpsFloor = map[float64]float64{0.90: 2.5, 0.95: 3, 0.99: 2.5}

// The other targets.
const (
	fullFloor       = 1.7   // QPS of full vectors over the reference, at 0.95
	buildFloor      = 3.0   // speed of a build with one thread over the reference
	threadsFloor    = 1.8   // of two threads over one, for builds and searches
	recallTolerance = 0.005 // recall at an ef, of full vectors below the reference
	bytesCeiling    = 0.40  // bytes of traversal over the reference
)

// addFigures draws the figures with targets from the results, as far as the engines they
// compare were measured.
func (r *Report) addFigures() {
	if share := r.share(); share > 0 {
		r.Add("share of its CPU that a pinned search got, mean", 100*share, "%")
	}
	lode := r.ours()
	if lode == nil {
		return
	}
	if ref := r.find(reference); ref != nil {
		r.compareSearch(lode, ref)
		r.compareBuild(lode, ref)
		r.compareRecall(ref)
	}
	r.comparePeers(lode)
	r.scaling(lode)
}

// share is how much of a CPU the searches of Lode and the reference got, which have one
// thread: less than nearly all of it says that the machine had other work, and that the
// figures are noisy.
func (r *Report) share() float64 {
	sum, n := 0.0, 0.0
	for _, e := range r.Engines {
		if e.Engine != lodeEngine && e.Name() != reference {
			continue
		}
		for _, p := range e.Points {
			sum, n = sum+p.Wall/p.QPS, n+1
		}
	}
	return sum / max(n, 1)
}

// ours returns what a user of Lode gets who chooses nothing, if it was measured.
func (r *Report) ours() *Result {
	for _, e := range r.Engines {
		if e.Engine == lodeEngine && e.Default && !e.Exact {
			return e
		}
	}
	return nil
}

func (r *Report) compareSearch(lode, ref *Result) {
	for i, recall := range r.Params.Recalls {
		floor, wanted := qpsFloor[recall]
		name := fmt.Sprintf("%s, QPS at recall %.2f over %s", lode.Name(), recall, reference)
		switch {
		case ref.At[i] == nil:
		case lode.At[i] == nil:
			r.demand(name, 0, "x", ">=", floor)
		case wanted:
			r.demand(name, *lode.At[i] / *ref.At[i], "x", ">=", floor)
		default:
			r.Add(name, *lode.At[i] / *ref.At[i], "x")
		}
		if full := r.find(lodeEngine + "/" + fullConfig); full != nil && recall == 0.95 && ref.At[i] != nil && full.At[i] != nil {
			r.demand(fmt.Sprintf("%s, QPS at recall %.2f over %s", full.Name(), recall, reference), *full.At[i] / *ref.At[i], "x", ">=", fullFloor)
		}
	}
}

// comparePeers takes the strongest other engine at each recall, without what its binding
// costs where it has one.
func (r *Report) comparePeers(lode *Result) {
	for i, recall := range r.Params.Recalls {
		var best *Result
		for _, e := range r.Engines {
			if e.Engine != lodeEngine && e.At[i] != nil && (best == nil || e.without(*e.At[i]) > best.without(*best.At[i])) {
				best = e
			}
		}
		if best == nil {
			continue
		}
		name := fmt.Sprintf("%s, QPS at recall %.2f over the fastest other, %s", lode.Name(), recall, best.Name())
		if lode.At[i] == nil {
			r.demand(name, 0, "x", ">=", 1)
			continue
		}
		r.demand(name, *lode.At[i]/best.without(*best.At[i]), "x", ">=", 1)
	}
}

func (r *Report) compareBuild(lode, ref *Result) {
	ours, theirs := lode.build(1), ref.build(1)
	if ours != nil && theirs != nil {
		r.demand(lode.Name()+", build with one thread, CPU time of "+reference+" over it", theirs.CPUSeconds/ours.CPUSeconds, "x", ">=", buildFloor)
	}
	if ours, theirs := lode.traversalBytes(), ref.traversalBytes(); ours > 0 && theirs > 0 {
		r.demand(lode.Name()+", bytes of traversal a vector over "+reference, ours/theirs, "x", "<=", bytesCeiling)
	}
}

// compareRecall holds the graphs together: with full vectors and the same parameters, an ef
// must find as much.
func (r *Report) compareRecall(ref *Result) {
	full := r.find(lodeEngine + "/" + fullConfig)
	if full == nil {
		return
	}
	behind, compared := math.Inf(-1), false
	for _, p := range full.Points {
		for _, q := range ref.Points {
			if p.EF == q.EF {
				behind, compared = max(behind, q.Recall-p.Recall), true
			}
		}
	}
	if compared {
		r.demand(full.Name()+", recall below "+reference+" at the same ef, at most", behind, "", "<=", recallTolerance)
	}
}

func (r *Report) scaling(lode *Result) {
	if one, two := lode.build(1), lode.build(2); one != nil && two != nil {
		r.demand(lode.Name()+", build with two threads over one", one.WallSeconds/two.WallSeconds, "x", ">=", threadsFloor)
	}
	for _, measured := range []struct {
		name string
		all  []Concurrent
	}{{"searches side by side", lode.Concurrent}, {"batch of all queries", lode.Batches}} {
		var one, two float64
		for _, c := range measured.all {
			switch c.Threads {
			case 1:
				one = c.QPS
			case 2:
				two = c.QPS
			}
		}
		if one > 0 && two > 0 {
			r.demand(fmt.Sprintf("%s, %s, two threads over one", lode.Name(), measured.name), two/one, "x", ">=", threadsFloor)
		}
	}
}

// build returns the build with a number of threads, or nil.
func (r *Result) build(threads int) *Build {
	for i := range r.Builds {
		if r.Builds[i].Threads == threads {
			return &r.Builds[i]
		}
	}
	return nil
}

// traversalBytes is 0 where it is not known.
func (r *Result) traversalBytes() float64 {
	if len(r.Builds) == 0 {
		return 0
	}
	return float64(r.Builds[0].TraversalBytes)
}

// demand records a value with its target; a quick form proves nothing about targets.
func (r *Report) demand(name string, value float64, unit, relation string, target float64) {
	if r.Params.Quick {
		r.Add(name, value, unit)
		return
	}
	r.Demand(name, value, unit, relation, target)
}
