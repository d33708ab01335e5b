package lode

// DenseSearch says how a search for vectors goes.
type DenseSearch struct {
	K      int
	Filter Filter
	// Using names the vector space to search; "" is that of the vectors that every row has.
	Using string
	// Ef is the breadth of searches in graphs: the larger, the more of the nearest rows are
	// found, and the longer it takes. 0 is the default of the graphs. Rows that lie in no graph
	// are compared one by one.
	Ef int
	// Exact compares every row: the answer is the right one.
	Exact bool
	// Explain, if given, receives what the search did.
	Explain *Explanation
}

// MaxEf bounds [DenseSearch].Ef.
const MaxEf = 1 << 16

// Validate checks the search.
func (s *DenseSearch) Validate() error {
	if err := ValidateK(s.K); err != nil {
		return err
	}
	if s.Ef < 0 || s.Ef > MaxEf {
		return Invalid("ef", s.Ef, "ef must be 1 to %d, or 0 for the default", MaxEf)
	}
	if s.Ef > 0 && s.Exact {
		return Invalid("ef", s.Ef, "an exact search has no breadth")
	}
	return nil
}

// Explanation tells how a search for vectors went.
type Explanation struct {
	Rows    int // that the collection shows
	Allowed int // of them the filter matches and the principal may see
	// FilterNanos is what it took to find those.
	FilterNanos int64
	Segments    []SegmentExplanation // in the order in which they were searched
}

// SegmentExplanation tells how one segment was searched.
type SegmentExplanation struct {
	Segment SegmentID
	Rows    int  // in the file or the growing segment, dead ones included
	Allowed int  // that may be found
	Graph   bool // they lie in a graph; else they are compared one by one
	// Plan is how: "graph" without a filter, "exact" one by one, and under a filter the
	// cheapest of "scan", "traverse" and "twohop". Switched says that a walk in the graph was
	// given up for a scan.
	Plan     string
	Switched bool
	// Predicted is what each plan that was thought of was expected to take, in nanoseconds; none
	// where there was nothing to choose. Expected is that of Plan when it was decided on, Nanos what it took.
	Predicted map[string]float64
	Expected  float64
	Nanos     int64
	Compared  int // codes that were compared with the query
	Reranked  int // full vectors that were
	Hops      int // rows whose links were followed
}

// QueryExplanation tells how a query was answered.
type QueryExplanation struct {
	Stages []StageExplanation // in the order in which they were done
}

// StageExplanation tells what a stage did.
type StageExplanation struct {
	Stage   string // "embed", "dense", "lexical", "fuse", "recency", "rerank", "min_score", "rows", "collapse", "caps", "diversity", "context"
	In, Out int    // candidates before and after
	Nanos   int64
	Detail  string // such as the weight and where it came from; no text of documents
}

// HitExplanation tells why a hit stands where it does.
type HitExplanation struct {
	// Contributions are what made the score: their sum, taken in this order, is [Hit].Score to the bit.
	Contributions []ScoreContribution
	// DenseRank and LexicalRank are the places of the row among the candidates, from 1; 0: not
	// proposed.
	DenseRank, LexicalRank int
	// Terms are what each word of the query gave to the lexical score.
	Terms []TermContribution
	// Highlights are what of the passage matches the words of the query, in bytes of the text.
	Highlights []Span
}

// ScoreContribution is a summand of a score.
type ScoreContribution struct {
	Name  string // "dense", "lexical", "recency", "rerank", or of a trained ranker "feature:NAME"
	Value float64
}

// TermContribution is what a word or phrase gave to a lexical score: their sum is that score, but
// for its rounding to a float32.
type TermContribution struct {
	Term  string
	Score float64
}
