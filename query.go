package lode

import (
	"math"
	"time"
)

// Mode says which of the two searches answer a query.
type Mode string

// The modes.
const (
	ModeDense   Mode = "dense"   // nearest vectors
	ModeLexical Mode = "lexical" // BM25 over words
	ModeHybrid  Mode = "hybrid"  // both, fused
)

// Limits and defaults of queries.
const (
	DefaultK            = 10
	MaxK                = 10_000
	MaxQueryBytes       = 32 << 10
	DefaultBudgetTokens = 2_000
	MaxBudgetTokens     = 1_000_000
)

// Query asks a collection for the passages that answer it.
type Query struct {
	Collection   string
	Text         string
	Vector       Vector   // instead of embedding Text; dense mode needs one of the two
	K            int      // the default is DefaultK
	Ef           int      // breadth of the dense search, see [DenseSearch]
	Exact        bool     // the dense search compares every row
	Filter       Filter   // narrows the search itself, never its result
	Mode         Mode     // the default is hybrid for text, dense for a vector alone
	DenseWeight  *float64 // of hybrid fusion, 0 to 1; the default depends on the embedder
	BudgetTokens int      // of the assembled context; the default is DefaultBudgetTokens
	// AsOf asks for what was shown at a time within the collection's history; zero: what is.
	AsOf time.Time
}

// EnsureDefaults fills what the caller left out. A K of 0 cannot be told from a missing
// one here: wire decoders refuse an explicit 0 themselves.
func (q *Query) EnsureDefaults() {
	if q.K == 0 {
		q.K = DefaultK
	}
	if q.BudgetTokens == 0 {
		q.BudgetTokens = DefaultBudgetTokens
	}
	if q.Mode == "" && q.Text == "" {
		q.Mode = ModeDense
	}
	if q.Mode == "" {
		q.Mode = ModeHybrid
	}
}

// Validate checks a query after [Query.EnsureDefaults], short of what depends on the
// collection (dimensions, whether it can embed).
func (q *Query) Validate() error {
	if err := ValidateCollectionName(q.Collection); err != nil {
		return err
	}
	if q.Text == "" && len(q.Vector) == 0 {
		return Invalid("text", "", "a query needs text or a vector")
	}
	if len(q.Text) > MaxQueryBytes {
		return Invalid("text", len(q.Text), "query text has %d bytes, the limit is %d", len(q.Text), MaxQueryBytes)
	}
	if err := (&DenseSearch{K: q.K, Ef: q.Ef, Exact: q.Exact}).Validate(); err != nil {
		return err
	}
	if q.BudgetTokens < 1 || q.BudgetTokens > MaxBudgetTokens {
		return Invalid("budget_tokens", q.BudgetTokens, "budget_tokens must be 1 to %d", MaxBudgetTokens)
	}
	if q.DenseWeight != nil && !(*q.DenseWeight >= 0 && *q.DenseWeight <= 1) {
		return Invalid("dense_weight", *q.DenseWeight, "dense_weight must be 0 to 1")
	}
	if err := q.validateMode(); err != nil {
		return err
	}
	if err := q.Filter.Validate(); err != nil {
		return asError(err).In("filter")
	}
	return nil
}

func (q *Query) validateMode() error {
	switch q.Mode {
	case ModeDense:
		return nil
	case ModeLexical, ModeHybrid:
		if q.Text == "" {
			return Invalid("mode", q.Mode, "%s mode needs text", q.Mode)
		}
		return nil
	}
	return Invalid("mode", q.Mode, "mode must be dense, lexical or hybrid")
}

// ValidateK checks a number of results.
func ValidateK(k int) error {
	if k < 1 || k > MaxK {
		return Invalid("k", k, "k must be 1 to %d", MaxK)
	}
	return nil
}

// Candidate is a row that a search proposes. Larger scores are better; equal scores are
// ordered by ascending row.
type Candidate struct {
	Row   RowID
	Score float64
}

// Better reports whether c comes before d.
func (c Candidate) Better(d Candidate) bool {
	if c.Score != d.Score && !math.IsNaN(c.Score) {
		return c.Score > d.Score
	}
	return c.Row < d.Row
}

// Row is a searchable row with everything that a hit shows.
type Row struct {
	ID       RowID
	Document *Document   // shared; do not modify
	Version  *DocVersion // shared; do not modify
	Chunk    Chunk
	Vector   Vector // nil unless asked for
	// Vectors and Sparse are those in named spaces, asked for like Vector.
	Vectors map[string]Vector
	Sparse  map[string]SparseVector
}

// Hit is one result of a query.
type Hit struct {
	Row     Row
	Score   float64  // what the order is by: fused and 0 to 1 in hybrid mode, else the search's own
	Dense   *float64 // score of the dense search, nil when it did not propose the row
	Lexical *float64 // BM25 score, nil when the lexical search did not propose the row
}

// Citation is the numbered source of a passage in an assembled context.
type Citation struct {
	Number     int // from 1, as in "[1]"
	Chunk      ChunkID
	Document   DocID
	URI        string
	Title      string
	Path       []string
	Page       int
	Span       Span // in the canonical text
	Bronze     Hash
	ReceivedAt time.Time
}

// Context is retrieved text ready for a model: numbered passages within a token budget.
type Context struct {
	Text         string
	Tokens       int // of Text, by the context tokenizer; at most BudgetTokens
	BudgetTokens int
	Tokenizer    string
	Citations    []Citation
	Omitted      int // hits that did not fit the budget
}

// Result answers a query.
type Result struct {
	Mode    Mode
	Hits    []Hit
	Context Context
	// DenseWeight is the weight that fusion used, and WeightReason where it came from; set in
	// hybrid mode.
	DenseWeight  float64
	WeightReason string
}
