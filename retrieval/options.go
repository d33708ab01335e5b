package retrieval

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/tokens"
)

// ErrViewGone is returned by a [View] when rows that it proposed are gone. The question is
// asked again of a new view.
var ErrViewGone = errors.New("view is gone")

// View is one consistent state of a collection, as one principal may see it. Its methods may be
// called at the same time.
type View interface {
	// Collection returns the settings.
	Collection() lode.Collection
	// DenseWith returns the min(k, matching) rows nearest to v in the space that s names, best
	// first, equal scores by ascending row. The filter narrows the search itself.
	DenseWith(ctx context.Context, v lode.Vector, s lode.DenseSearch) ([]lode.Candidate, error)
	// Sparse returns the min(k, matching) rows that have the largest dot products with v in a
	// sparse space, best first, equal scores by ascending row.
	Sparse(ctx context.Context, space string, v lode.SparseVector, k int, f lode.Filter) ([]lode.Candidate, error)
	// LexicalWith returns the min(k, matching) best rows that hold a word of text, or what its
	// syntax asks for, best first, equal scores by ascending row.
	LexicalWith(ctx context.Context, text string, s lode.LexicalSearch) ([]lode.Candidate, error)
	// LexicalBound returns a score that no row can exceed for text: 0 when the text has no
	// words, infinity when there is no such score.
	LexicalBound(text string, x lode.WordSyntax) float64
	// LexicalExplain returns what the words of text give to the score of a row, also of one that a
	// search would not propose: none where it holds none of them.
	LexicalExplain(ctx context.Context, text string, x lode.WordSyntax, row lode.RowID) ([]lode.TermContribution, error)
	// Highlight returns what of a passage matches the words of text, in bytes of the passage,
	// ascending and apart.
	Highlight(text string, x lode.WordSyntax, passage, language string) []lode.Span
	// Suggest returns words of text that few rows hold as visible documents spell them, best first.
	Suggest(ctx context.Context, text string, most int) ([]lode.Suggestion, error)
	// Received returns when the bytes of each row were received. It returns [ErrViewGone] when a
	// row is gone.
	Received(ctx context.Context, ids []lode.RowID) ([]time.Time, error)
	// Standing says how a document stands now, by its outside id or, where no is not 0, by its number.
	// One that the principal may not see is [lode.CodeNotFound].
	Standing(ctx context.Context, kind lode.Kind, id lode.DocID, no lode.DocNo) (*Standing, error)
	// DenseRanks returns the places of rows in an exact search for v of any depth.
	DenseRanks(ctx context.Context, v lode.Vector, f lode.Filter, rows []lode.RowID) ([]DenseRank, error)
	// Groups returns the documents that have the rows nearest to v, as many as match up to groups,
	// that with the nearest row first, each with up to size of its rows, best first.
	Groups(ctx context.Context, v lode.Vector, groups, size int, f lode.Filter) ([]Grouped, error)
	// Recommend returns the min(q.K, matching) rows that score best by the examples, best first,
	// none of them of an example. No example has a text.
	Recommend(ctx context.Context, q RecommendQuery) ([]lode.Candidate, error)
	// Scroll returns up to q.Limit documents behind q.After, and whether there are more.
	Scroll(ctx context.Context, q ScrollQuery) (page []Scrolled, more bool, err error)
	// Rows returns the rows of ids. It returns [ErrViewGone] when one is gone.
	Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error)
	// Known returns the rows of ids as far as the view knows them without reading anything:
	// ID, Document and Chunk.ID. It returns [ErrViewGone] when one is none of the view's.
	Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error)
}

// Options configure a [Retriever]. View and EmbedderFor are required.
type Options struct {
	// View returns the state of a collection for a principal: the present one, or that of a time
	// that is not zero.
	View func(ctx context.Context, p lode.Principal, collection string, asOf time.Time) (View, error)
	// Early, if given, returns what can answer questions by vectors about a collection that is
	// not loaded yet; nil when a View must be taken. What it cannot answer is [ErrViewGone].
	Early func(ctx context.Context, p lode.Principal, collection string) (NearestView, error)
	// EmbedderFor returns the embedder that a collection's vectors were made with.
	EmbedderFor func(lode.Collection) (embed.Embedder, error)
	// RerankerFor returns the re-ranker of a name for a collection, or a coded error that says why
	// there is none. Without it the node has none.
	RerankerFor func(c lode.Collection, name string) (Reranker, error)
	// Count returns the number of tokens of a text. The default is tokens.Count.
	Count func(string) int
	// Tokenizer names what Count counts. The default is tokens.Name.
	Tokenizer string
	// TokenizerFor returns the counter that a query names instead, by an encoding or a model, and what
	// to call it; [lode.CodeInvalid] for a name that is not known. The default is tokens.For.
	TokenizerFor func(name string) (count func(string) int, canonical string, err error)

	Clock  func() time.Time // the default is time.Now
	Logger *slog.Logger     // the default discards
	Events Events
}

// Events are told what happened, for metrics. Nil members are skipped. They are called at
// the same time and must not block.
type Events struct {
	// StepDone reports how long a step of a query took, and its error.
	StepDone func(step Step, d time.Duration, err error)
}

// Step is a part of answering a query.
type Step string

// The steps, in the order in which a query takes those that it has; rows are read where a step
// first needs them.
const (
	StepEmbed     Step = "embed"
	StepDense     Step = "dense"
	StepSparse    Step = "sparse"
	StepLexical   Step = "lexical"
	StepFuse      Step = "fuse"
	StepRecency   Step = "recency"
	StepRerank    Step = "rerank"
	StepMinScore  Step = "min_score"
	StepRows      Step = "rows"
	StepCollapse  Step = "collapse"
	StepCaps      Step = "caps"
	StepDiversity Step = "diversity"
	StepContext   Step = "context"
)

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.Count == nil {
		o.Count = tokens.Count
		o.Tokenizer = tokens.Name
	}
	if o.TokenizerFor == nil {
		o.TokenizerFor = tokens.For
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
