package api

import (
	"context"

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
	Node        Node
	Operations  Operations
	Backups     Backups // nil: there is no repository
}

// Collections makes, shows and drops collections.
type Collections interface {
	// CreateCollection fills defaults, validates and makes the collection.
	CreateCollection(ctx context.Context, p lode.Principal, w lode.Write, c lode.Collection) (lode.Collection, error)
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

// Ingest takes documents in and follows them.
type Ingest interface {
	// Submit returns when the bytes are durable and their processing is certain.
	Submit(ctx context.Context, p lode.Principal, s lode.Submission) (lode.Receipt, error)
	// Wait returns the version of the receipt once it is ready or in quarantine.
	Wait(ctx context.Context, p lode.Principal, collection string, r lode.Receipt) (lode.DocVersion, error)
	// Bronze returns the bytes of a document's newest version.
	Bronze(ctx context.Context, p lode.Principal, collection string, id lode.DocID) ([]byte, lode.DocVersion, error)
	Trace(ctx context.Context, p lode.Principal, collection string, chunk lode.ChunkID) (lode.Trace, error)
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
	// Nearest answers each vector with its hits, best first, all from one state of the
	// collection. Of rows only what n.With asks for needs to be there beside ids and score.
	Nearest(ctx context.Context, p lode.Principal, n lode.Nearest) ([][]lode.Hit, error)
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
