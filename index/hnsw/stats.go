package hnsw

// Stats tells what a search did and, where a filter or deleted rows made it choose a plan, why.
// What a search that chose none leaves at zero is said beside the fields.
type Stats struct {
	Hops     int  // rows whose links were followed
	Compared int  // rows whose code was compared with the query
	Reranked int  // rows whose full vector was
	Scanned  bool // the rows were scanned, not traversed

	// Plan is what answered in the end; empty where there was nothing to choose: without
	// filter and deleted rows, in exact searches, and where no row is allowed.
	Plan     Plan
	Switched bool // the search began in the graph, starved or grew too dear, and was scanned
	Allowed  int  // rows that may be answered; all of them without a filter
	Lists    int  // lists of links that two-hop expansion read of rows that do not pass
	// Near is the share of rows that pass among those met near the query, 0 where no walk
	// looked. The share of all rows is Allowed by the number of rows.
	Near float64
	// Predicted is what each plan was expected to cost before the search began, by the
	// model and by what was learnt; zero where Plan is empty.
	Predicted Costs
	// Expected is what Plan was expected to cost when it was decided on, after the walk had
	// looked around. What a walk cost that was given up is not in it.
	Expected float64
	// Nanos is how long the plan ran: from the choice to the answer.
	Nanos int64
}

// add sums up what is counted. Of the rest, which is about one search, the last one stays.
func (s *Stats) add(t Stats) {
	t.Hops += s.Hops
	t.Compared += s.Compared
	t.Reranked += s.Reranked
	t.Lists += s.Lists
	t.Nanos += s.Nanos
	t.Scanned = s.Scanned || t.Scanned
	t.Switched = s.Switched || t.Switched
	*s = t
}
