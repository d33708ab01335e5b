package lode

import (
	"fmt"
	"math"
	"slices"
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
	Collection string
	// Collections asks several at once, in place of Collection: their hits are fused as one ranking.
	// All must have the same embedder and metric.
	Collections  []string
	Text         string
	Syntax       WordSyntax // how the search for words reads Text; the default is SyntaxPlain
	Vector       Vector     // instead of embedding Text; dense mode needs one of the two
	K            int        // the default is DefaultK
	Ef           int        // breadth of the dense search, see [DenseSearch]
	Exact        bool       // the dense search compares every row
	Filter       Filter     // narrows the search itself, never its result
	Mode         Mode       // the default is hybrid for text, dense for a vector alone
	DenseWeight  *float64   // of hybrid fusion, 0 to 1; the default depends on the embedder
	BudgetTokens int        // of the assembled context; the default is DefaultBudgetTokens
	// Tokenizer counts the budget, by the name of an encoding or a model; the default is that of
	// the node.
	Tokenizer string
	// Form is how the context is written; the default is FormText.
	Form ContextForm
	Stages
	// Timeout ends the query early with what there is (Result.Partial); 0: no such end.
	Timeout time.Duration
	// Explain asks for [Result].Explanation and the explanations of hits.
	Explain bool
	// AsOf asks for what was shown at a time within the collection's history; zero: what is.
	AsOf time.Time
}

// WordSyntax says how the search for words reads a text.
type WordSyntax string

// The syntaxes.
const (
	SyntaxPlain WordSyntax = "plain" // every character is text
	SyntaxQuery WordSyntax = "query" // "some words", +word, -word and wor* mean what they do in search boxes
)

func (x WordSyntax) validate() error {
	switch x {
	case "", SyntaxPlain, SyntaxQuery:
		return nil
	}
	return Invalid("syntax", x, "syntax must be plain or query")
}

// LexicalSearch says how a search for words goes.
type LexicalSearch struct {
	K      int
	Filter Filter
	Syntax WordSyntax
}

// Validate checks the search.
func (s *LexicalSearch) Validate() error {
	if err := ValidateK(s.K); err != nil {
		return err
	}
	return s.Syntax.validate()
}

// ContextForm is how an assembled context is written.
type ContextForm string

// The forms.
const (
	FormText     ContextForm = "text"     // numbered headers, passages quoted line by line
	FormMarkdown ContextForm = "markdown" // headings, passages in block quotes, sources as a list at the end
	FormMessages ContextForm = "messages" // a list of chat messages: rules for the model, then the passages
)

func (f ContextForm) validate() error {
	switch f {
	case "", FormText, FormMarkdown, FormMessages:
		return nil
	}
	return Invalid("form", f, "form must be text, markdown or messages")
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
	if err := q.validateCollections(); err != nil {
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
	if err := q.validateWishes(); err != nil {
		return err
	}
	if err := q.Filter.Validate(); err != nil {
		return asError(err).In("filter")
	}
	return nil
}

// MaxCollections bounds [Query].Collections.
const MaxCollections = 32

func (q *Query) validateCollections() error {
	if len(q.Collections) == 0 {
		return ValidateCollectionName(q.Collection)
	}
	if len(q.Collections) > MaxCollections {
		return Invalid("collections", len(q.Collections), "a query asks at most %d collections", MaxCollections)
	}
	for i, name := range q.Collections {
		field := fmt.Sprintf("collections[%d]", i)
		if err := ValidateCollectionName(name); err != nil {
			return asError(err).In(field)
		}
		if slices.Contains(q.Collections[:i], name) {
			return Invalid(field, name, "the collection is named twice")
		}
	}
	return nil
}

func (q *Query) validateWishes() error {
	if err := q.Syntax.validate(); err != nil {
		return err
	}
	if err := q.Form.validate(); err != nil {
		return err
	}
	if q.Timeout != 0 && (q.Timeout < LeastQueryTimeout || q.Timeout > MaxQueryTimeout) {
		return Invalid("timeout", q.Timeout, "timeout must be %s to %s", LeastQueryTimeout, MaxQueryTimeout)
	}
	return q.Stages.Validate(q.K)
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
	Rerank  *float64 // the re-ranker's score, nil when it was not asked about the row
	// Collection is where the hit is from, in a query that asks several.
	Collection string
	// Duplicates are passages that are nearly the same and are not shown for it.
	Duplicates []ChunkID
	// Explanation is set when the query asked for it.
	Explanation *HitExplanation
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
	Age        time.Duration // since then, when the query was asked
	// Parts are the spans of the passage in the canonical text where it is made of several
	// chunks or has gaps, in order; Span covers them all.
	Parts []Span
	// Headers are the spans of table headers that are shown above the text that goes on in their
	// tables. They are no part of Span and Parts.
	Headers []Span
	Flags   []TextFlag
	// Collection is where the passage is from, in a query that asks several.
	Collection string
}

// Context is retrieved text ready for a model: numbered passages within a token budget.
type Context struct {
	Text         string
	Tokens       int // of Text, by the context tokenizer; at most BudgetTokens
	BudgetTokens int
	Tokenizer    string
	Citations    []Citation
	Omitted      int // hits that did not fit the budget
	// Messages is the context as chat messages, in FormMessages; Text is their contents then.
	Messages []Message
}

// Message is one message to a chat model.
type Message struct {
	Role    string // "system" or "user"
	Content string
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
	// Partial says that the time of the query was over before it was answered in full, and
	// PartialReason what is missing.
	Partial       bool
	PartialReason string
	// Suggestions are words of the query as documents spell them, best first.
	Suggestions []Suggestion
	Explanation *QueryExplanation // when the query asked for it
}

// Suggestion is a word of the query that few or no documents hold, and a word that they do.
type Suggestion struct {
	Word, Instead string
	Rows          int // visible ones that hold it, counted up to 1,000
}
