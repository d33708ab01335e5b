package api

import (
	"context"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Backend is everything the HTTP surface calls. All methods may be called at the same time,
// end early with the context's error when it is done, and return coded errors
// ([lode.Error]); any other error is answered as internal and logged. Returned slices and
// pointers are not changed by either side.
//
// A write with a key takes effect once, and is answered again as the first time; the same key
// for another request is a conflict.
type Backend struct {
	Collections Collections
	Documents   Documents
	Ingest      Ingest
	Points      Points
	Retrieval   Retrieval
	Contents    Contents
	Embedding   Embedding
	Node        Node
	Operations  Operations
	Evaluations Evaluations
	Backups     Backups // nil: there is no repository
}

// Collections makes, shows and drops collections.
type Collections interface {
	// CreateCollection fills defaults, validates and makes the collection. The texts of idfFrom,
	// if it is not empty, say what words are worth to its embedder; errors name it "idf_from".
	CreateCollection(ctx context.Context, p lode.Principal, w lode.Write, c lode.Collection, idfFrom string) (lode.Collection, error)
	Collection(ctx context.Context, p lode.Principal, name string) (lode.Collection, lode.CollectionStats, error)
	// Collections returns up to limit collections in order of name, those behind after; next
	// is empty on the last page.
	Collections(ctx context.Context, p lode.Principal, after string, limit int) (page []lode.Collection, next string, err error)
	DeleteCollection(ctx context.Context, p lode.Principal, w lode.Write, name string) error
	// Tune changes what may change of a collection's settings.
	Tune(ctx context.Context, p lode.Principal, w lode.Write, name string, change lode.TuningChange) (lode.Collection, error)
	// Segments lists the segments of a collection, oldest first.
	Segments(ctx context.Context, p lode.Principal, name string) ([]SegmentInfo, error)
	// Seal closes the growing segment and returns when it is sealed; 0 when it holds nothing.
	Seal(ctx context.Context, p lode.Principal, name string) (lode.SegmentID, error)
}

// Documents reads and deletes documents and raw vectors.
type Documents interface {
	// Document returns a document with its newest version.
	Document(ctx context.Context, p lode.Principal, collection string, kind lode.Kind, id lode.DocID) (lode.Document, lode.DocVersion, error)
	// Documents returns a page in order of DocNo; next is 0 on the last page.
	Documents(ctx context.Context, p lode.Principal, collection string, q DocumentsQuery) (page []DocumentItem, next lode.DocNo, err error)
	// DeleteDocuments returns one error for each target, nil for those that were deleted, or an
	// error for the whole call.
	DeleteDocuments(ctx context.Context, p lode.Principal, w lode.Write, collection string, kind lode.Kind, targets []lode.Target) ([]error, error)
	// Patch changes what owners say of documents and raw vectors; versions and rows stay. When it
	// returns, every later search shows the change.
	Patch(ctx context.Context, p lode.Principal, w lode.Write, collection string, s Selection, patch lode.Patch) (Selected, error)
	// DeleteSelected deletes what is selected; no later search shows it.
	DeleteSelected(ctx context.Context, p lode.Principal, w lode.Write, collection string, s Selection) (Selected, error)
	// Silver and Chunks return a layer of the version that search shows; not_found when
	// there is none yet.
	Silver(ctx context.Context, p lode.Principal, collection string, id lode.DocID) (*lode.SilverText, lode.DocVersion, error)
	Chunks(ctx context.Context, p lode.Principal, collection string, id lode.DocID) ([]lode.Chunk, lode.DocVersion, error)
	// Retry processes the newest version again when it is in quarantine.
	Retry(ctx context.Context, p lode.Principal, w lode.Write, collection string, id lode.DocID) (lode.Job, error)
}

// DocumentsQuery selects documents.
type DocumentsQuery struct {
	State  lode.DocState // of the newest version; empty: any
	Filter lode.Filter
	After  lode.DocNo
	Limit  int
}

// DocumentItem is a document with its newest version.
type DocumentItem struct {
	Document lode.Document
	Version  lode.DocVersion
}

// Selection says which documents or raw vectors a write is about: those with the ids that also
// match the filter, or without ids all that match. One of the two is given.
type Selection struct {
	Kind   lode.Kind
	IDs    []lode.DocID
	Filter lode.Filter
}

// Selected is what became of a [Selection].
type Selected struct {
	Matched int     // that the principal may see and the filter matches
	Changed int     // of them were changed or deleted
	Errs    []error // one for each id, nil where it was carried out or did not match; none without ids
}

// Ingest takes documents in and follows them.
type Ingest interface {
	// Submit returns when the bytes are durable and their processing is certain.
	Submit(ctx context.Context, p lode.Principal, s lode.Submission) (lode.Receipt, error)
	// Wait returns the version of the receipt once it is ready or in quarantine.
	Wait(ctx context.Context, p lode.Principal, collection string, r lode.Receipt) (lode.DocVersion, error)
	// Bronze returns the bytes of a document's newest version.
	Bronze(ctx context.Context, p lode.Principal, collection string, id lode.DocID) ([]byte, lode.DocVersion, error)
	// Trace follows a chunk that search shows, or showed at a time that is not zero.
	Trace(ctx context.Context, p lode.Principal, collection string, chunk lode.ChunkID, asOf time.Time) (lode.Trace, error)
	// Quote returns what citations lead to, in their order. What is not there, or may not be seen,
	// is not found; the collection must be there.
	Quote(ctx context.Context, p lode.Principal, collection string, cited []lode.Cited, asOf time.Time) ([]lode.Quotation, error)
}

// Points writes and reads raw vectors; they are deleted through [Documents].
type Points interface {
	// PutPoints returns for each point the version that it has now or an error, or an error for
	// the whole call.
	PutPoints(ctx context.Context, p lode.Principal, w lode.Write, collection string, points []lode.Point) ([]lode.Version, []error, error)
	Point(ctx context.Context, p lode.Principal, collection string, id lode.DocID) (lode.Point, error)
}

// Retrieval answers queries.
type Retrieval interface {
	// Retrieve fills defaults and validates what depends on the collection.
	Retrieve(ctx context.Context, p lode.Principal, q lode.Query) (*lode.Result, error)
	// WhyNot says why a document is not in the answer to a query. Who may not see it is told that
	// there is none.
	WhyNot(ctx context.Context, p lode.Principal, q lode.WhyNotQuery) (*lode.WhyNot, error)
	// Nearest answers each vector with its hits, best first, all from one state of the
	// collection. Of rows only what n.With asks for needs to be there beside ids and score.
	Nearest(ctx context.Context, p lode.Principal, n lode.Nearest) ([][]lode.Hit, error)
	// Sparse returns the rows whose vectors in a sparse space have the largest dot products with
	// one, best first.
	Sparse(ctx context.Context, p lode.Principal, q SparseQuery) ([]lode.Hit, error)
	// Groups returns the documents with the rows nearest to a vector, as many as are asked for
	// whenever so many match, best first.
	Groups(ctx context.Context, p lode.Principal, q GroupsQuery) ([]Group, error)
	// Recommend returns the rows that score best by the examples, best first, without those of
	// the examples.
	Recommend(ctx context.Context, p lode.Principal, q RecommendQuery) ([]lode.Hit, error)
}

// SparseQuery asks for rows by a sparse vector.
type SparseQuery struct {
	Collection string
	Using      string // the sparse space
	Vector     lode.SparseVector
	K          int
	Filter     lode.Filter
	With       lode.With
	AsOf       time.Time // zero: now
}

// GroupsQuery asks for documents by their nearest rows.
type GroupsQuery struct {
	Collection string
	Vector     lode.Vector
	Groups     int // documents; 0: the default
	Size       int // at most so many rows of each; 0: the default
	Filter     lode.Filter
	With       lode.With
	AsOf       time.Time // zero: now
}

// Group is a document with its nearest rows, best first.
type Group struct {
	Document *lode.Document
	Hits     []lode.Hit
}

// RecommendQuery asks for rows like some examples and unlike others.
type RecommendQuery struct {
	Collection         string
	Positive, Negative []Example
	Strategy           string // empty: the default
	K                  int
	Filter             lode.Filter
	With               lode.With
	AsOf               time.Time // zero: now
}

// Example is a document or raw vector by its id, a vector, or a text: one of them.
type Example struct {
	Kind   lode.Kind // of the id
	ID     lode.DocID
	Vector lode.Vector
	Text   string
}

// Contents counts and walks what searches show to a principal, within what a filter matches;
// every call answers from one state of the collection.
type Contents interface {
	Count(ctx context.Context, p lode.Principal, of Scope) (Counted, error)
	// Facet counts the values of a field, the most frequent first, at most limit of them; distinct
	// is how many there are.
	Facet(ctx context.Context, p lode.Principal, of Scope, field string, limit int) (values []FacetValue, distinct int, err error)
	// Scroll returns a page, and whether there is more behind it.
	Scroll(ctx context.Context, p lode.Principal, q ScrollQuery) (page []Scrolled, more bool, err error)
	// Recall compares searches for sampled queries with exact ones.
	Recall(ctx context.Context, p lode.Principal, collection string, q RecallQuery) (v1.Recall, error)
}

// Scope is what of a collection is asked about.
type Scope struct {
	Collection string
	Filter     lode.Filter
	AsOf       time.Time // zero: now
}

// Embedding embeds texts.
type Embedding interface {
	// Embed returns one vector for each text, as the collection makes them, or the embedder of
	// the query. An embedder without a collection is for those who may see everything.
	Embed(ctx context.Context, p lode.Principal, q EmbedQuery) (Embedded, error)
	// EmbedUsage reports what embedding has cost, to those who may see everything.
	EmbedUsage(ctx context.Context, p lode.Principal) (v1.EmbedUsage, error)
	// ClearEmbedCache forgets the vectors that are kept of texts; for those who may see
	// everything.
	ClearEmbedCache(ctx context.Context, p lode.Principal) error
}

// EmbedQuery asks for the vectors of texts: a collection or an embedder is named.
type EmbedQuery struct {
	Collection string
	Embedder   lode.EmbedderConfig // where there is no collection
	Query      bool                // the texts are questions, not passages
	Texts      []string
}

// Embedded is one vector for each text, with what made them.
type Embedded struct {
	Embedder    lode.EmbedderConfig
	Fingerprint string
	Vectors     []lode.Vector
}

// RecallQuery says what is measured.
type RecallQuery struct {
	Samples int
	Search  lode.DenseSearch
	Seed    uint64 // of the choice among stored vectors
}

// Counted is how much was matched.
type Counted struct {
	Documents int // and raw vectors
	Rows      int // passages of documents, and raw vectors
}

// FacetValue is a value of a field with how often it occurs.
type FacetValue struct {
	Value lode.Value
	Counted
}

// ScrollQuery selects documents and raw vectors, page by page.
type ScrollQuery struct {
	Collection string
	Filter     lode.Filter
	Kind       lode.Kind // 0: both
	Field      string    // empty: in the order in which contents became searchable
	Desc       bool
	After      *ScrollPlace // where the page before ended
	Limit      int
	With       lode.With
	AsOf       time.Time // zero: now
}

// ScrollPlace is a place in the order of a [ScrollQuery].
type ScrollPlace struct {
	Value lode.Value // of the field
	Row   lode.RowID
}

// Scrolled is one document of a page with its first row, of which only what With asks for needs
// to be there beside ids.
type Scrolled struct {
	Row   lode.Row
	Rows  int // passages
	Place ScrollPlace
}

// Node is the node itself.
type Node interface {
	// Ready lists what keeps the node from serving; empty when it serves.
	Ready(ctx context.Context) []Reason
	// Restrictions lists what a node that serves does not do, as writes on a full disk.
	Restrictions() []Reason
	// Usage says what the node uses and within which limits, to those who may see everything.
	Usage(ctx context.Context, p lode.Principal) (Usage, error)
	// Barrier returns when a read that follows is as fresh as the level promises: local,
	// leader or linearizable, see the v1 constants.
	Barrier(ctx context.Context, level string) error
	// Check walks everything stored and reports every breach; calls do not overlap.
	Check(ctx context.Context, report func(where, what string)) error
	Info() Info
}

// Reason is one thing that keeps a node from serving, Info what a node says of itself, and
// Usage what it uses.
type (
	Reason = v1.Reason
	Info   = v1.NodeInfo
	Usage  = v1.NodeUsage
)
