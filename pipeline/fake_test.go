package pipeline_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
)

const dim = 4

var (
	anyone = lode.AllSeeing("test")
	docs   = lode.Collection{
		ID: 1, Name: "docs", Metric: lode.Cosine, Dim: dim,
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "fake", Dim: dim},
		Chunker:  lode.DefaultChunker,
	}
	vectorsOnly = lode.Collection{
		ID: 2, Name: "raw", Metric: lode.Cosine, Dim: dim,
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: dim},
	}
)

// fault is what an operation of the fakes does instead of working: fail before its effect,
// fail after it, panic, or wait.
type fault struct {
	err   error
	after bool
	panic bool
	wait  chan struct{} // until it is closed or the context ends
	hold  chan struct{} // the same, after its effect
}

// world is the node below the pipeline: collections and blobs in memory, under the rules
// that the interfaces state, with faults on demand. It also counts calls.
type world struct {
	mu        sync.Mutex
	dim       int // of the collection
	docs      map[lode.DocID]*document
	blobs     map[lode.Hash][]byte
	faults    map[string][]fault // by operation, used up in order
	calls     map[string]int
	completed int
	lastDoc   lode.DocNo
	protected int
	named     map[string]lode.Receipt // of submissions with a key
}

type document struct {
	lode.Document
	versions map[lode.Version]*version
}

type version struct {
	lode.DocVersion
	silver []byte
	chunks map[uint32]lode.StagedChunk
	text   *lode.SilverText
}

func newWorld() *world {
	return &world{dim: dim, docs: map[lode.DocID]*document{}, blobs: map[lode.Hash][]byte{}, faults: map[string][]fault{}, calls: map[string]int{}, named: map[string]lode.Receipt{}}
}

func (w *world) inject(op string, faults ...fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[op] = append(w.faults[op], faults...)
}

func (w *world) count(op string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[op]
}

// completions counts the versions that became searchable.
func (w *world) completions() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.completed
}

// current returns the searchable version of a document, 0 where there is none.
func (w *world) current(id lode.DocID) lode.Version {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.docs[id]; d != nil {
		return d.Current
	}
	return 0
}

// do runs one operation under the lock, with the next fault that was injected for it.
func (w *world) do(ctx context.Context, op string, work func() error) error {
	w.mu.Lock()
	w.calls[op]++
	var f fault
	if len(w.faults[op]) > 0 {
		f, w.faults[op] = w.faults[op][0], w.faults[op][1:]
	}
	w.mu.Unlock()
	if f.wait != nil {
		select {
		case <-f.wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.panic {
		panic("a panic that quotes the secret document")
	}
	if f.err != nil && !f.after {
		return f.err
	}
	w.mu.Lock()
	err := work()
	w.mu.Unlock()
	if f.hold != nil {
		<-f.hold
	}
	if err == nil {
		err = f.err
	}
	return err
}

func superseded() error { return lode.Errorf(lode.CodeSuperseded, "a newer epoch has taken over") }

// pending finds what a job works on and holds the fence.
func (w *world) pending(j lode.Job) (*document, *version, error) {
	for _, d := range w.docs {
		if d.No != j.Doc {
			continue
		}
		v := d.versions[j.Version]
		if v == nil || v.State != lode.StatePending || v.Epoch != j.Epoch || d.Newest != j.Version {
			return nil, nil, superseded()
		}
		return d, v, nil
	}
	return nil, nil, lode.NotFound("document", j.Doc)
}

func (w *world) Collection(_ context.Context, _ lode.Principal, name string) (lode.Collection, lode.CollectionStats, error) {
	for _, c := range []lode.Collection{docs, vectorsOnly} {
		if c.Name == name {
			return c, lode.CollectionStats{}, nil
		}
	}
	return lode.Collection{}, lode.CollectionStats{}, lode.NotFound("collection", name)
}

func (w *world) Submit(ctx context.Context, _ lode.Principal, a lode.Accepted) (r lode.Receipt, err error) {
	err = w.do(ctx, "Submit", func() error {
		if known, ok := w.named[a.Write.Key]; ok && a.Write.Key != "" {
			r = known
			return nil
		}
		defer func() {
			r.Replayed = true
			w.named[a.Write.Key] = r
			r.Replayed = false
		}()
		d := w.docs[a.ID]
		r = lode.Receipt{ID: a.ID, Outcome: lode.OutcomeUpdated}
		if d == nil {
			w.lastDoc++
			d = &document{Document: lode.Document{No: w.lastDoc, Collection: docs.ID, Kind: lode.KindDocument, ID: a.ID}, versions: map[lode.Version]*version{}}
			w.docs[a.ID] = d
			r.Outcome = lode.OutcomeCreated
		}
		r.Doc = d.No
		if newest := d.versions[d.Newest]; newest != nil && newest.Blob == a.Blob && newest.State != lode.StateQuarantined {
			r.Version, r.Epoch, r.Outcome = d.Newest, newest.Epoch, lode.OutcomeUnchanged
			return nil
		}
		d.Newest++
		d.versions[d.Newest] = &version{DocVersion: lode.DocVersion{
			Doc: d.No, Version: d.Newest, State: lode.StatePending, Blob: a.Blob, Size: a.Size, URI: a.URI,
			MediaType: a.MediaType, ReceivedAt: a.ReceivedAt, Epoch: 1, Runs: []lode.Run{a.Run}, Language: a.Language,
		}}
		r.Version, r.Epoch = d.Newest, 1
		return nil
	})
	return r, err
}

func (w *world) Submitted(ctx context.Context, _ lode.Principal, write lode.Write) (r lode.Receipt, ok bool, err error) {
	err = w.do(ctx, "Submitted", func() error {
		r, ok = w.named[write.Key]
		return nil
	})
	return r, ok, err
}

func (w *world) Retry(ctx context.Context, _ lode.Principal, _ lode.Write, _ string, id lode.DocID) (r lode.Receipt, err error) {
	err = w.do(ctx, "Retry", func() error {
		d := w.docs[id]
		if d == nil {
			return lode.NotFound("document", id)
		}
		v := d.versions[d.Newest]
		if v.State != lode.StateQuarantined {
			return lode.Errorf(lode.CodeConflict, "document is %s", v.State)
		}
		v.State, v.Failure = lode.StatePending, nil
		v.Epoch++
		r = lode.Receipt{Doc: d.No, ID: id, Version: d.Newest, Epoch: v.Epoch}
		return nil
	})
	return r, err
}

func (w *world) Jobs(ctx context.Context) (jobs []lode.Job, err error) {
	err = w.do(ctx, "Jobs", func() error {
		for _, d := range w.docs {
			if v := d.versions[d.Newest]; v.State == lode.StatePending {
				jobs = append(jobs, lode.Job{Collection: d.Collection, Doc: d.No, Version: d.Newest, Epoch: v.Epoch})
			}
		}
		return nil
	})
	return jobs, err
}

func (w *world) Claim(ctx context.Context, j lode.Job) (lode.Job, error) {
	err := w.do(ctx, "Claim", func() error {
		_, v, err := w.pending(j)
		if err == nil {
			v.Epoch++
			v.silver, v.chunks = nil, nil
			j.Epoch = v.Epoch
		}
		return err
	})
	return j, err
}

func (w *world) Version(ctx context.Context, j lode.Job) (d lode.Document, v lode.DocVersion, c lode.Collection, err error) {
	err = w.do(ctx, "Version", func() error {
		doc, ver, err := w.pending(j)
		if err == nil {
			d, v, c = doc.Document, ver.DocVersion, docs
			c.Dim = w.dim
		}
		return err
	})
	return d, v, c, err
}

func (w *world) StageSilver(ctx context.Context, j lode.Job, data []byte) (int, error) {
	err := w.do(ctx, "StageSilver", func() error {
		_, v, err := w.pending(j)
		if err == nil {
			v.silver = data
		}
		return err
	})
	return 1, err
}

func (w *world) StageChunks(ctx context.Context, j lode.Job, chunks []lode.StagedChunk) error {
	return w.do(ctx, "StageChunks", func() error {
		_, v, err := w.pending(j)
		if err != nil {
			return err
		}
		if v.chunks == nil {
			v.chunks = map[uint32]lode.StagedChunk{}
		}
		for _, c := range chunks {
			v.chunks[c.Chunk.ID.Ordinal] = c
		}
		return nil
	})
}

func (w *world) Complete(ctx context.Context, c lode.Completion) error {
	return w.do(ctx, "Complete", func() error {
		d, v, err := w.pending(c.Job)
		if err != nil {
			return w.completedBefore(c, err)
		}
		if v.silver == nil || len(v.chunks) != c.Chunks || c.SilverParts != 1 {
			return lode.Errorf(lode.CodeInternal, "completed without its parts")
		}
		v.text = new(lode.SilverText)
		if err := json.Unmarshal(v.silver, v.text); err != nil {
			return err
		}
		v.State, v.Title, v.Silver, v.Gold, v.Chunks = lode.StateReady, c.Title, c.Silver, c.Gold, c.Chunks
		v.Language = c.Language
		v.Runs = append(v.Runs, c.Runs...)
		d.Current = c.Job.Version
		w.completed++
		return nil
	})
}

// completedBefore recognises a completion that is repeated.
func (w *world) completedBefore(c lode.Completion, refusal error) error {
	for _, d := range w.docs {
		if v := d.versions[c.Job.Version]; d.No == c.Job.Doc && v != nil && v.State == lode.StateReady && v.Epoch == c.Job.Epoch && v.Gold == c.Gold {
			return nil
		}
	}
	return refusal
}

func (w *world) Fail(ctx context.Context, j lode.Job, f lode.Failure, runs []lode.Run) error {
	return w.do(ctx, "Fail", func() error {
		_, v, err := w.pending(j)
		if err == nil {
			v.State, v.Failure, v.Runs = lode.StateQuarantined, &f, append(v.Runs, runs...)
		}
		return err
	})
}

func (w *world) Document(ctx context.Context, _ lode.Principal, _ string, _ lode.Kind, id lode.DocID) (d lode.Document, v lode.DocVersion, err error) {
	err = w.do(ctx, "Document", func() error {
		doc := w.docs[id]
		if doc == nil {
			return lode.NotFound("document", id)
		}
		d, v = doc.Document, doc.versions[doc.Newest].DocVersion
		return nil
	})
	return d, v, err
}

// searchable finds a version that is searchable.
func (w *world) searchable(of *lode.DocVersion) (*version, error) {
	for _, d := range w.docs {
		if d.No == of.Doc && d.Current == of.Version {
			return d.versions[d.Current], nil
		}
	}
	return nil, lode.NotFound("version", of.Version)
}

func (w *world) VersionSilver(ctx context.Context, _ lode.CollectionID, of *lode.DocVersion) (s *lode.SilverText, err error) {
	err = w.do(ctx, "Silver", func() error {
		v, err := w.searchable(of)
		if err == nil {
			s = v.text
		}
		return err
	})
	return s, err
}

func (w *world) VersionChunks(ctx context.Context, _ lode.CollectionID, of *lode.DocVersion) (chunks []lode.Chunk, err error) {
	err = w.do(ctx, "Chunks", func() error {
		v, err := w.searchable(of)
		if err != nil {
			return err
		}
		for range v.chunks {
			chunks = append(chunks, v.chunks[uint32(len(chunks))].Chunk)
		}
		return nil
	})
	return chunks, err
}

func (w *world) Chunk(ctx context.Context, _ lode.Principal, _ string, id lode.ChunkID, _ time.Time) (row lode.Row, err error) {
	err = w.do(ctx, "Chunk", func() error {
		for _, d := range w.docs {
			if d.No != id.Doc || d.Current != id.Version {
				continue
			}
			v := d.versions[d.Current]
			if c, ok := v.chunks[id.Ordinal]; ok {
				row = lode.Row{Document: &d.Document, Version: &v.DocVersion, Chunk: c.Chunk}
				return nil
			}
		}
		return lode.NotFound("chunk", id)
	})
	return row, err
}

func (w *world) Put(ctx context.Context, content []byte) (h lode.Hash, release func(), err error) {
	err = w.do(ctx, "Put", func() error {
		h = lode.HashOf(content)
		w.blobs[h] = content
		w.protected++
		return nil
	})
	return h, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.protected--
	}, err
}

func (w *world) Get(ctx context.Context, h lode.Hash) (content []byte, err error) {
	err = w.do(ctx, "Get", func() error {
		found, ok := w.blobs[h]
		if !ok {
			return lode.NotFound("blob", h)
		}
		if content = found; lode.HashOf(found) != h {
			return lode.Errorf(lode.CodeCorrupt, "blob %s does not match its hash", h)
		}
		return nil
	})
	return content, err
}

// detect knows plain text and refuses what begins with a NUL byte.
func detect(content []byte, _, _ string) (string, error) {
	if content[0] == 0 {
		return "", lode.FieldError(lode.CodeUnsupportedMedia, "media_type", "application/octet-stream", "nothing can parse this media type")
	}
	return "text/plain", nil
}

// parse takes the bytes as they are, one section for each paragraph.
func (w *world) parse(ctx context.Context, content []byte, _ string) (s *lode.SilverText, err error) {
	err = w.do(ctx, "Parse", func() error {
		s = paragraphs(string(content))
		return nil
	})
	return s, err
}

func paragraphs(text string) *lode.SilverText {
	s := &lode.SilverText{Text: text, Title: "A title"}
	at := 0
	for part := range strings.SplitSeq(text, "\n\n") {
		if part != "" {
			span := lode.Span{Start: at, End: at + len(part)}
			s.Sections = append(s.Sections, lode.Section{Kind: lode.SectionParagraph, Span: span})
			s.Runs = append(s.Runs, lode.SourceRun{Silver: span, Bronze: span})
		}
		at += len(part) + len("\n\n")
	}
	return s
}

// chunk makes one chunk of each section.
func (w *world) chunk(ctx context.Context, s *lode.SilverText, _ lode.ChunkerConfig, _ chunker.Embed) (chunks []lode.Chunk, err error) {
	err = w.do(ctx, "Chunk of text", func() error {
		for i, section := range s.Sections {
			text := s.Text[section.Span.Start:section.Span.End]
			chunks = append(chunks, lode.Chunk{ID: lode.ChunkID{Ordinal: uint32(i)}, Text: text, Span: section.Span, Tokens: len(text) / 4})
		}
		return nil
	})
	return chunks, err
}

func (w *world) encodeSilver(s *lode.SilverText) (b []byte, err error) {
	err = w.do(context.Background(), "EncodeSilver", func() error {
		b, err = json.Marshal(s)
		return err
	})
	return b, err
}

func (w *world) embedderFor(lode.Collection) (e embed.Embedder, err error) {
	err = w.do(context.Background(), "EmbedderFor", func() error {
		e = &embedder{world: w, dim: dim}
		return nil
	})
	return e, err
}

// embedder embeds a text by its length; spoil changes what comes out.
type embedder struct {
	world *world
	dim   int
	spoil func([]lode.Vector) []lode.Vector
}

func (e *embedder) Fingerprint() string { return "fake/1" }
func (e *embedder) Dim() int            { return e.dim }
func (e *embedder) Static() bool        { return false }

func (e *embedder) Embed(ctx context.Context, _ embed.Kind, texts []string) (vectors []lode.Vector, err error) {
	err = e.world.do(ctx, "Embed", func() error {
		for _, text := range texts {
			vectors = append(vectors, lode.Vector{1, float32(len(text)), 0, 0})
		}
		return nil
	})
	if err == nil && e.spoil != nil {
		vectors = e.spoil(vectors)
	}
	return vectors, err
}

// ends counts how jobs ended and what the stages reported.
type ends struct {
	mu     sync.Mutex
	jobs   map[string]int
	stages map[lode.Stage]int
	failed map[lode.Stage]int
}

func newEnds() *ends {
	return &ends{jobs: map[string]int{}, stages: map[lode.Stage]int{}, failed: map[lode.Stage]int{}}
}

func (e *ends) stageDone(stage lode.Stage, d time.Duration, bytes int64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stages[stage]++
	if err != nil {
		e.failed[stage]++
	}
}
