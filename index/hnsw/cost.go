package hnsw

import "math"

// CostModel says how many nanoseconds the steps of a search take, on this machine and in
// this index. [Calibrate] measures it; the zero value stands for nothing.
type CostModel struct {
	Word    float64 // a scan passes over 64 ordinals of the filter
	Row     Density // a scan compares a row
	Descend float64 // from the entry to level 0
	Hop     float64 // a walk follows the links of a row and compares what it had not met
	Met     float64 // how many rows that are; no time
	Test    float64 // a row that was met is looked up in the filter
	Rerank  float64 // a full vector is compared
	List    float64 // two-hop expansion reads and tests the links of a row that does not pass
}

// Density is the time for a row of a scan, by which share of rows around it is scanned too:
// neighbours in memory are cheaper.
type Density struct {
	All, Eighth, Few float64 // every row, one of 8, one of 64
}

// at interpolates by the logarithm of the share.
func (d Density) at(share float64) float64 {
	steps := -math.Log2(max(share, 1.0/64)) / 3
	if steps <= 1 {
		return d.All + (d.Eighth-d.All)*steps
	}
	return d.Eighth + (d.Few-d.Eighth)*(steps-1)
}

// DefaultCosts is the model where nothing was measured: for small graphs, and while the
// first search of a kind measures. It depends on the bytes of a code and on nothing else.
func DefaultCosts(codeBytes int) CostModel {
	lines := float64(max(codeBytes, 1)+63) / 64
	random := 16 + 5*lines
	return CostModel{
		Word: 3, Row: Density{All: 6 + 2*lines, Eighth: 9 + 3*lines, Few: 12 + 4*lines},
		Descend: 3000, Hop: 60 + 17*random, Met: 17, Test: 3, Rerank: 120, List: 100,
	}
}

// task is what the cost of a search depends on.
type task struct {
	k, ef          int
	matching, rows int
}

func (t task) share() float64 { return float64(t.matching) / float64(max(t.rows, 1)) }

// Predict returns what each plan costs for a search of the k nearest with breadth ef, where
// so many of the rows match, near the query as many as elsewhere.
func (m CostModel) Predict(k, ef, matching, rows int) Costs {
	t := task{k: k, ef: ef, matching: matching, rows: rows}
	return m.predict(t, t.share())
}

// predict is the cost where the given share of the rows near the query passes.
func (m CostModel) predict(t task, near float64) Costs {
	return Costs{Scan: m.scan(t), Traverse: m.traverse(t, breadth(t.k, t.ef, near)), TwoHop: m.twoHop(t, near)}
}

func (m CostModel) scan(t task) float64 {
	words, n := float64(t.rows)/64, float64(t.matching)
	return words*m.Word + n*m.Row.at(t.share()) + min(n, rerankedOf(t.k))*m.Rerank
}

// rerankedOf is about how many full vectors are compared for the k best.
func rerankedOf(k int) float64 { return 2*float64(k) + 4 }

// traverse is the cost of a walk of a breadth. Every row of its pool is looked up twice: once
// on the way, once in the end.
func (m CostModel) traverse(t task, breadth int) float64 {
	b := min(float64(breadth), float64(t.rows))
	return m.Descend + b*m.Hop*(1+b/broadHops) + 2*b*m.Test + rerankedOf(t.k)*m.Rerank
}

// broadHops is the breadth at which a row of a walk costs twice as much as in a small pool,
// which takes up rows faster.
const broadHops = 4096

// breadth is how broad a walk over all rows must be for the k best of those that pass to be
// found as surely as ef finds the k best of all. The last of them stands at about place
// k/near of all rows, so that (1/near - 1)·k others stand between. DESIGN.md has the
// measurement.
func breadth(k, ef int, near float64) int {
	if near >= 1 {
		return ef
	}
	more := deepening*float64(ef)*(1-near) + widening*float64(k)*(1/max(near, 1e-9)-1)
	return ef + int(min(more, MaxEf))
}

// What breadth adds: rows for those between the k best that pass, and a share of ef for being
// less sure of rows farther away.
const (
	widening  = 2
	deepening = 0.15
)

// mostlyPass is the share of rows that pass above which a walk over those alone reads the same
// rows as the walk over all, which assembly does.
const mostlyPass = 0.75

// twoHop is the cost of a walk over rows that pass alone. Where too few pass, the walk
// finds no way from one to the next, and where nearly all do there is a faster one: its cost is
// infinite.
func (m CostModel) twoHop(t task, near float64) float64 {
	if near > mostlyPass || near*m.Met*m.Met < leastSteps {
		return math.Inf(1)
	}
	b := min(float64(t.ef+1), float64(t.matching))
	perRow := m.Hop / max(m.Met, 1)
	lists := (1 - near) * m.Met
	compared := min(near*m.Met*(1+lists), m.Met) // what was met before is not compared again
	return m.Descend + b*(lists*m.List+compared*perRow) + rerankedOf(t.k)*m.Rerank
}

// leastSteps is how many rows that pass must be within two hops of a row, so that they hang
// together.
const leastSteps = 16

// clamped bounds what was measured by what is believable, in case the machine did something
// else meanwhile.
func (m CostModel) clamped(around CostModel) CostModel {
	const factor = 32
	for _, cost := range costFields {
		x, usual := cost(&m), *cost(&around)
		if *x = min(*x, usual*factor); !(*x >= usual/factor) { // NaN too
			*x = usual / factor
		}
	}
	return m
}

// costFields lists all numbers of a model.
var costFields = []func(*CostModel) *float64{
	func(m *CostModel) *float64 { return &m.Word },
	func(m *CostModel) *float64 { return &m.Row.All },
	func(m *CostModel) *float64 { return &m.Row.Eighth },
	func(m *CostModel) *float64 { return &m.Row.Few },
	func(m *CostModel) *float64 { return &m.Descend },
	func(m *CostModel) *float64 { return &m.Hop },
	func(m *CostModel) *float64 { return &m.Met },
	func(m *CostModel) *float64 { return &m.Test },
	func(m *CostModel) *float64 { return &m.Rerank },
	func(m *CostModel) *float64 { return &m.List },
}
