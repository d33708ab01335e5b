package hnsw

import "github.com/lodedb/lode"

// Plan is a way to find the nearest of the rows that pass a filter.
type Plan string

// The plans. All answer with k rows whenever k match.
const (
	// Auto chooses by cost, and again once the walk has seen how many rows near the query
	// pass. It is the default.
	Auto Plan = ""
	// PlanScan compares the codes of all rows that pass.
	PlanScan Plan = "scan"
	// PlanTraverse walks the graph as if there were no filter, more broadly the fewer rows
	// near the query pass, and drops from what it found the rows that do not.
	PlanTraverse Plan = "traverse"
	// PlanTwoHop compares only rows that pass. Of a neighbour that does not, the links are
	// followed in its place.
	PlanTwoHop Plan = "twohop"
)

// Plans lists the plans that can be asked for, without [Auto].
func Plans() []Plan { return []Plan{PlanScan, PlanTraverse, PlanTwoHop} }

func (p Plan) validate() error {
	switch p {
	case Auto, PlanScan, PlanTraverse, PlanTwoHop:
		return nil
	}
	return lode.Invalid("plan", p, "plan must be scan, traverse or twohop, or empty to choose by cost")
}

// Costs are nanoseconds of each plan. A plan that would not find the right rows costs
// infinitely much.
type Costs struct {
	Scan, Traverse, TwoHop float64
}

// Of is the cost of one plan.
func (c Costs) Of(p Plan) float64 {
	switch p {
	case PlanTraverse:
		return c.Traverse
	case PlanTwoHop:
		return c.TwoHop
	}
	return c.Scan
}

// Cheapest is the plan that costs least; of equal ones the simpler.
func (c Costs) Cheapest() Plan {
	best := PlanScan
	for _, p := range []Plan{PlanTraverse, PlanTwoHop} {
		if c.Of(p) < c.Of(best) {
			best = p
		}
	}
	return best
}

// times returns the costs with each multiplied by a factor of its own.
func (c Costs) times(f Costs) Costs {
	return Costs{c.Scan * f.Scan, c.Traverse * f.Traverse, c.TwoHop * f.TwoHop}
}
