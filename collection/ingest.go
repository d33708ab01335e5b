package collection

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Limits on what a caller may put into one command beside its parts.
const (
	maxMediaTypeBytes = 256
	maxReasonBytes    = 4 << 10
	maxRuns           = 64
)

// Submit records an accepted document and its job. What it means is decided against the
// newest version: the same bytes, media type, metadata, readers and URI change nothing;
// other metadata, readers or URI replace the old ones at once; other bytes are a new
// version, and so are the same bytes after a failure. Under a condition (IfVersion) other
// metadata, readers or URI are a new version too.
func (e *Engine) Submit(ctx context.Context, p lode.Principal, a lode.Accepted) (lode.Receipt, error) {
	c, err := e.open(p, a.Collection)
	if err == nil && c.settings.Embedder.Provider == lode.ProviderNone {
		err = lode.Invalid("collection", a.Collection, "the collection has no embedder: it takes raw vectors only")
	}
	if err == nil {
		err = checkAccepted(&a)
	}
	by, actorErr := checkedActor(p)
	if actorErr != nil {
		return lode.Receipt{}, actorErr
	}
	if a.ReceivedAt.IsZero() {
		a.ReceivedAt = e.now()
	}
	return carry[lode.Receipt](ctx, e, p, a.Write, err, func() command {
		return &submit{
			Collection: c.settings.ID, Actor: by,
			ID: a.ID, URI: a.URI, MediaType: a.MediaType, Blob: a.Blob, Size: a.Size,
			Metadata: a.Metadata, Readers: normalReaders(a.Readers), ExpiresAt: plainTimeOf(a.ExpiresAt),
			At: plainTime(a.ReceivedAt), Run: cleanRun(a.Run), IfVersion: a.IfVersion, Language: a.Language,
		}
	})
}

func checkAccepted(a *lode.Accepted) error {
	if err := a.ID.Validate(); err != nil {
		return err
	}
	switch {
	case len(a.URI) > lode.MaxURIBytes || !utf8.ValidString(a.URI):
		return lode.Invalid("uri", a.URI, "uri must be UTF-8 of at most %d bytes", lode.MaxURIBytes)
	case a.MediaType == "" || len(a.MediaType) > maxMediaTypeBytes || !utf8.ValidString(a.MediaType):
		return lode.Invalid("media_type", a.MediaType, "media type must be UTF-8 of 1 to %d bytes", maxMediaTypeBytes)
	case a.Blob.IsZero():
		return lode.Invalid("blob", a.Blob, "the bytes have no hash")
	case a.Size < 1:
		return lode.Invalid("size", a.Size, "document is empty")
	}
	if a.Language != "" {
		if err := checkLanguage(a.Language); err != nil {
			return err
		}
	}
	facts := lode.Facts{Metadata: a.Metadata, Readers: a.Readers, ExpiresAt: a.ExpiresAt}
	return facts.Validate()
}

// plainTime is a time as the log carries it: UTC, without the clock reading of this process.
func plainTime(t time.Time) time.Time { return t.UTC().Round(0) }

func plainTimeOf(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	plain := plainTime(*t)
	return &plain
}

// cleanRun gives a run the form that every node can read.
func cleanRun(r lode.Run) lode.Run {
	r.Start = plainTime(r.Start)
	r.Config = strings.ToValidUTF8(r.Config, "\uFFFD")
	return r
}

func cleanRuns(runs []lode.Run) ([]lode.Run, error) {
	if len(runs) > maxRuns {
		return nil, lode.Invalid("runs", len(runs), "at most %d runs", maxRuns)
	}
	var clean []lode.Run
	for _, r := range runs {
		clean = append(clean, cleanRun(r))
	}
	return clean, nil
}

// Jobs returns the work that is neither completed nor failed, with its present epochs.
func (e *Engine) Jobs(ctx context.Context) ([]lode.Job, error) {
	if e.closed.Load() {
		return nil, errClosed()
	}
	var jobs []lode.Job
	err := e.store.View(func(tx *storage.Tx) error {
		return tx.Jobs(func(j lode.Job) error {
			jobs = append(jobs, j)
			return index.Stopped(ctx)
		})
	})
	return jobs, err
}

// Claim starts a job again under the next epoch with nothing staged: work under the old
// epoch is refused from then on. A job that another one has taken over is
// [lode.CodeSuperseded].
func (e *Engine) Claim(ctx context.Context, j lode.Job) (lode.Job, error) {
	return propose[lode.Job](ctx, e, &claim{Job: j})
}

// Version returns what a job works on, or [lode.CodeSuperseded].
func (e *Engine) Version(ctx context.Context, j lode.Job) (lode.Document, lode.DocVersion, lode.Collection, error) {
	var doc lode.Document
	var version lode.DocVersion
	var settings lode.Collection
	err := e.onJob(ctx, j, func(_ *storage.Tx, c *lode.Collection, d *document) error {
		doc, version, settings = *d.doc, *d.newest, *c
		return nil
	})
	return doc, version, settings, err
}

// onJob reads what a job works on, if the job still holds.
func (e *Engine) onJob(ctx context.Context, j lode.Job, fn func(*storage.Tx, *lode.Collection, *document) error) error {
	if e.closed.Load() {
		return errClosed()
	}
	if err := index.Stopped(ctx); err != nil {
		return err
	}
	return e.store.View(func(tx *storage.Tx) error {
		b := &batch{tx: tx}
		d, refusal, err := b.fence(j)
		if err != nil {
			return err
		}
		if refusal != nil {
			return refusal
		}
		settings, err := tx.Collection(j.Collection)
		if err != nil {
			return err
		}
		return fn(tx, settings, d)
	})
}

// silverPartBytes is how much silver travels in one command.
const silverPartBytes = MaxCommandBytes - headRoom

// StageSilver stores an encoded silver text out of sight and returns the number of parts it
// was cut into. Staging the same again is no error; another text under the same epoch is
// [lode.CodeConflict]: claim the job first.
func (e *Engine) StageSilver(ctx context.Context, j lode.Job, data []byte) (parts int, err error) {
	if len(data) == 0 {
		return 0, lode.Invalid("silver", len(data), "encoded silver is empty")
	}
	for start := 0; start < len(data); start += silverPartBytes {
		part := data[start:min(start+silverPartBytes, len(data))]
		if _, err := propose[done](ctx, e, &stageSilver{Job: j, Part: parts, Data: part}); err != nil {
			return parts, err
		}
		parts++
	}
	return parts, nil
}

// stageAhead is the number of chunk commands of one document that are on their way at the
// same time: their order does not matter, and the log makes them durable together.
const stageAhead = 4

// StageChunks stores chunks with their vectors out of sight, under their ordinals. The same
// chunk again is no error, another one under its ordinal and epoch is [lode.CodeConflict]:
// claim the job first.
func (e *Engine) StageChunks(ctx context.Context, j lode.Job, chunks []lode.StagedChunk) error {
	c := e.catalog.Load().byID[j.Collection]
	if c == nil {
		return errSuperseded(j)
	}
	items := make([]cbor.RawMessage, len(chunks))
	for i := range chunks {
		staged := chunks[i]
		if refusal := checkChunk(&c.settings, j, &staged); refusal != nil {
			return refusal
		}
		item, err := e.codec.enc.Marshal(&staged)
		if err != nil {
			return lode.Errorf(lode.CodeInternal, "encode chunk %s: %w", chunks[i].Chunk.ID, err)
		}
		items[i] = item
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(stageAhead)
	for _, group := range group(items) {
		all.Go(func() error {
			_, err := propose[done](ctx, e, &stageChunks{Job: j, Chunks: group})
			return err
		})
	}
	return all.Wait()
}

// Complete makes the staged parts of a version visible and hides the older one, in one
// step. The same completion again is no error.
func (e *Engine) Complete(ctx context.Context, c lode.Completion) error {
	runs, err := cleanRuns(c.Runs)
	if err != nil {
		return err
	}
	if !utf8.ValidString(c.Title) {
		return lode.Invalid("title", c.Title, "title is not valid UTF-8")
	}
	if c.At.IsZero() {
		c.At = e.now()
	}
	c.Runs, c.At = runs, plainTime(c.At)
	// A job that does not hold any more is left to Apply: it knows a completion that was
	// applied already.
	if err := e.checkSilver(ctx, &c); err != nil && !lode.IsCode(err, lode.CodeSuperseded) {
		return err
	}
	_, err = propose[done](ctx, e, &complete{Completion: c})
	return err
}

// checkSilver refuses a completion whose silver is not all there. It decodes the text, which
// Apply never does.
func (e *Engine) checkSilver(ctx context.Context, c *lode.Completion) error {
	return e.onJob(ctx, c.Job, func(tx *storage.Tx, _ *lode.Collection, d *document) error {
		data, err := tx.SilverParts(d.doc.Collection, d.newest)
		if lode.IsCode(err, lode.CodeNotFound) || lode.IsCode(err, lode.CodeCorrupt) {
			return errNoSilver(c)
		}
		if err != nil {
			return err
		}
		silver, err := storage.DecodeSilver(data)
		if err != nil {
			return errNoSilver(c)
		}
		if silver.Hash() != c.Silver {
			return lode.Invalid("silver", c.Silver, "the staged silver text has another hash")
		}
		return nil
	})
}

// Fail puts a version into quarantine with the reason. Its bytes stay, and an older version
// stays visible.
func (e *Engine) Fail(ctx context.Context, j lode.Job, f lode.Failure, runs []lode.Run) error {
	clean, err := cleanRuns(runs)
	if err != nil {
		return err
	}
	if f.Stage == "" || f.Code == "" {
		return lode.Invalid("failure", f.Stage, "a failure names its stage and code")
	}
	f.Reason = strings.ToValidUTF8(f.Reason, "\uFFFD")
	if len(f.Reason) > maxReasonBytes {
		f.Reason = strings.ToValidUTF8(f.Reason[:maxReasonBytes], "")
	}
	if f.At.IsZero() {
		f.At = e.now()
	}
	f.At = plainTime(f.At)
	_, err = propose[done](ctx, e, &fail{Job: j, Failure: f, Runs: clean})
	return err
}

// Retry takes a document out of quarantine and returns its new job. A document that is not
// in quarantine is [lode.CodeConflict].
func (e *Engine) Retry(ctx context.Context, p lode.Principal, w lode.Write, collection string, id lode.DocID) (lode.Job, error) {
	if err := id.Validate(); err != nil {
		return lode.Job{}, err
	}
	by, err := checkedActor(p)
	if err != nil {
		return lode.Job{}, err
	}
	c, err := e.open(p, collection)
	return carry[lode.Job](ctx, e, p, w, err, func() command {
		return &retry{Collection: c.settings.ID, Actor: by, ID: id, At: e.now()}
	})
}
