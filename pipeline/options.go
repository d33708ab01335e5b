package pipeline

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
)

// Collections is what the pipeline asks of the node's state. All methods may be called at
// the same time. Errors are coded; those with [lode.CodeUnavailable],
// [lode.CodeOverloaded] and [lode.CodeNoStorage] promise that nothing was changed, those with
// [lode.CodeOutcomeUnknown] do not. Staging, Complete and Fail may be repeated under the
// same epoch: the second time changes nothing.
type Collections interface {
	// Collection returns the collection of that name.
	Collection(ctx context.Context, p lode.Principal, name string) (lode.Collection, lode.CollectionStats, error)
	// Submit records an accepted document and its job. The blob is durable already. With a
	// key it does so once, and answers again with the first receipt, marked as Replayed.
	Submit(ctx context.Context, p lode.Principal, a lode.Accepted) (lode.Receipt, error)
	// Submitted returns the receipt of a submission that was recorded under the write's key;
	// ok is false when there is none. A refusal that was recorded is the error.
	Submitted(ctx context.Context, p lode.Principal, w lode.Write) (r lode.Receipt, ok bool, err error)
	// Retry starts the job of a quarantined version again, under a new epoch.
	Retry(ctx context.Context, p lode.Principal, w lode.Write, collection string, id lode.DocID) (lode.Receipt, error)

	// Jobs returns every job that is neither completed nor failed, with its present epoch.
	Jobs(ctx context.Context) ([]lode.Job, error)
	// Claim takes a job over under the next epoch. A job that is gone or has another epoch
	// by now is refused with CodeSuperseded or CodeNotFound.
	Claim(ctx context.Context, j lode.Job) (lode.Job, error)
	// Version returns what a job works on.
	Version(ctx context.Context, j lode.Job) (lode.Document, lode.DocVersion, lode.Collection, error)
	// StageSilver stores an encoded silver text out of sight and returns how many parts it
	// was cut into. Its calls may overlap those of StageChunks.
	StageSilver(ctx context.Context, j lode.Job, data []byte) (parts int, err error)
	// StageChunks stores chunks with vectors out of sight, keyed by ordinal.
	StageChunks(ctx context.Context, j lode.Job, chunks []lode.StagedChunk) error
	// Complete makes the staged parts visible and hides the older version, in one step.
	// The same completion again is no error.
	Complete(ctx context.Context, c lode.Completion) error
	// Fail puts the version into quarantine; once it is there, CodeSuperseded.
	Fail(ctx context.Context, j lode.Job, f lode.Failure, runs []lode.Run) error

	// Document returns a document and its newest version.
	Document(ctx context.Context, p lode.Principal, collection string, kind lode.Kind, id lode.DocID) (lode.Document, lode.DocVersion, error)
	// Chunk returns one row that is searchable, or was at a time that is not zero; a chunk of
	// another version is CodeNotFound.
	Chunk(ctx context.Context, p lode.Principal, collection string, id lode.ChunkID, asOf time.Time) (lode.Row, error)
	// VersionSilver returns the silver text of the version of a row that Chunk has returned, and
	// VersionChunks all of its chunks, by ordinal.
	VersionSilver(ctx context.Context, c lode.CollectionID, v *lode.DocVersion) (*lode.SilverText, error)
	VersionChunks(ctx context.Context, c lode.CollectionID, v *lode.DocVersion) ([]lode.Chunk, error)
}

// Blobs keeps bronze bytes under their hash.
type Blobs interface {
	// Put makes content durable and protects it from the sweeper until release is called.
	Put(ctx context.Context, content []byte) (h lode.Hash, release func(), err error)
	// Get returns the bytes, whose hash it has verified. The caller must not change them.
	Get(ctx context.Context, h lode.Hash) ([]byte, error)
}

// Options configure a [Pipeline]. Collections, Blobs and the functions are required.
type Options struct {
	Collections Collections
	Blobs       Blobs

	// Detect returns the media type of content, from the bytes, the declared type and the
	// file name; CodeUnsupportedMedia where nothing can parse it.
	Detect func(content []byte, declared, name string) (string, error)
	// ParserVersion names the parser of a media type and its version, e.g. "markdown/1".
	ParserVersion func(mediaType string) string
	// Parse turns bytes into silver. It must return soon after ctx ends.
	Parse func(ctx context.Context, content []byte, mediaType string) (*lode.SilverText, error)
	// Chunk cuts silver into chunks. The default is chunker.Chunk; embed is nil for a strategy
	// that does not embed.
	Chunk func(ctx context.Context, s *lode.SilverText, c lode.ChunkerConfig, embed chunker.Embed) ([]lode.Chunk, error)
	// EncodeSilver turns silver into the bytes that are staged.
	EncodeSilver func(*lode.SilverText) ([]byte, error)
	// EmbedderFor returns the embedder of a collection, and an error where the vectors it
	// makes would not fit those that the collection holds.
	EmbedderFor func(lode.Collection) (embed.Embedder, error)

	Workers          int           // documents processed at the same time; the default is GOMAXPROCS
	QueueDocuments   int           // documents waiting or in work, beyond which Submit is refused; the default is 10,000
	QueueBytes       int64         // the same in bronze bytes; the default is 1 GiB
	WorkingBytes     int64         // bronze bytes in the memory of all workers together; the default is 128 MiB
	MaxDocumentBytes int64         // the default is 64 MiB
	MaxChunks        int           // of one document; the default is 100,000
	DocumentTimeout  time.Duration // from reading the bytes to the last vector; the default is 5 minutes
	SweepInterval    time.Duration // between searches for forgotten jobs; the default is 1 minute

	Clock  func() time.Time // the default is time.Now
	Logger *slog.Logger     // the default discards
	Events Events
}

// Events are told what happened, for metrics. Nil members are skipped. They are called
// from the workers, at the same time, and must not block.
type Events struct {
	// StageDone reports a stage of a document: how long it took, the bytes that went in
	// (bronze for receive and parse, else silver), and the error when it failed.
	StageDone func(stage lode.Stage, d time.Duration, bytes int64, err error)
	// JobDone reports the end of a job and the time since its bytes were received.
	JobDone func(end JobEnd, age time.Duration)
}

// JobEnd says how a job ended.
type JobEnd string

// The ends of a job. An interrupted job stays in the log and is resumed.
const (
	JobReady       JobEnd = "ready"
	JobQuarantined JobEnd = "quarantined"
	JobDropped     JobEnd = "dropped"
	JobInterrupted JobEnd = "interrupted"
)

// Defaults of [Options].
const (
	DefaultQueueDocuments   = 10_000
	DefaultQueueBytes       = 1 << 30
	DefaultWorkingBytes     = 128 << 20
	DefaultMaxDocumentBytes = 64 << 20
	DefaultMaxChunks        = 100_000
	DefaultDocumentTimeout  = 5 * time.Minute
	DefaultSweepInterval    = time.Minute
)

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	orDefault(&o.Workers, runtime.GOMAXPROCS(0))
	orDefault(&o.QueueDocuments, DefaultQueueDocuments)
	orDefault(&o.QueueBytes, DefaultQueueBytes)
	orDefault(&o.WorkingBytes, DefaultWorkingBytes)
	orDefault(&o.MaxDocumentBytes, DefaultMaxDocumentBytes)
	orDefault(&o.MaxChunks, DefaultMaxChunks)
	orDefault(&o.DocumentTimeout, DefaultDocumentTimeout)
	orDefault(&o.SweepInterval, DefaultSweepInterval)
	if o.Chunk == nil {
		o.Chunk = chunker.Chunk
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func orDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Validate checks options after [Options.EnsureDefaults].
func (o *Options) Validate() error {
	required := []struct {
		name string
		set  bool
	}{
		{"Collections", o.Collections != nil},
		{"Blobs", o.Blobs != nil},
		{"Detect", o.Detect != nil},
		{"ParserVersion", o.ParserVersion != nil},
		{"Parse", o.Parse != nil},
		{"EncodeSilver", o.EncodeSilver != nil},
		{"EmbedderFor", o.EmbedderFor != nil},
	}
	for _, r := range required {
		if !r.set {
			return lode.Invalid("pipeline."+r.name, "", "the pipeline needs %s", r.name)
		}
	}
	limits := []struct {
		name  string
		value int64
	}{
		{"Workers", int64(o.Workers)},
		{"QueueDocuments", int64(o.QueueDocuments)},
		{"QueueBytes", o.QueueBytes},
		{"WorkingBytes", o.WorkingBytes},
		{"MaxDocumentBytes", o.MaxDocumentBytes},
		{"MaxChunks", int64(o.MaxChunks)},
		{"DocumentTimeout", int64(o.DocumentTimeout)},
		{"SweepInterval", int64(o.SweepInterval)},
	}
	for _, l := range limits {
		if l.value < 0 {
			return lode.Invalid("pipeline."+l.name, l.value, "%s must be positive", l.name)
		}
	}
	return nil
}
