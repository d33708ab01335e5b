package pipeline

import (
	"cmp"
	"context"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/text"
)

// embedBatch is how many texts an embedder is given at a time. Embedders cut further where
// a provider takes less; the deadline of the document is looked at between batches.
const embedBatch = 256

// product is what the stages make of the bytes.
type product struct {
	content  []byte // dropped once parsed
	title    string
	language string           // see lode.DocVersion
	text     *lode.SilverText // dropped once embedded
	encoded  []byte
	silver   lode.Hash
	chunks   []lode.Chunk
	gold     lode.Hash
	staged   []lode.StagedChunk
	vectors  lode.Hash
	runs     []lode.Run
}

// stageError is a failure of the document, as opposed to one of the log or the node.
type stageError struct {
	stage lode.Stage
	err   error
}

// stage makes one part of the product, fills in its run, and returns the bytes it read.
type stage struct {
	name lode.Stage
	step func(ctx context.Context, run *lode.Run) (bytes int, err error)
}

// refine makes the product under the document's deadline. A stageError says that the
// document failed; an error that the work was interrupted.
func (t *task) refine(ctx context.Context) (*stageError, error) {
	limited, cancel := context.WithTimeout(ctx, t.p.o.DocumentTimeout)
	defer cancel()
	at, err := lode.StageReceive, t.read(limited)
	for _, s := range []stage{{lode.StageParse, t.parse}, {lode.StageChunk, t.chunk}, {lode.StageEmbed, t.embed}} {
		if err == nil {
			at, err = s.name, t.runStage(limited, s)
		}
	}
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, errInterrupted
	case limited.Err() != nil:
		err = lode.Errorf(lode.CodeTimeout, "document was not done after %s", t.p.o.DocumentTimeout)
	}
	return &stageError{stage: at, err: err}, nil
}

// runStage runs one stage, records it when it succeeds, and turns a panic into an error.
func (t *task) runStage(ctx context.Context, s stage) (err error) {
	run := lode.Run{Stage: s.name, Start: t.p.now()}
	bytes := 0
	defer func() {
		if r := recover(); r != nil {
			t.logPanic(string(s.name), r)
			err = lode.Errorf(lode.CodeInternal, "the %s stage crashed", s.name)
		}
		run.Duration = t.p.now().Sub(run.Start)
		if err == nil {
			t.product.runs = append(t.product.runs, run)
		}
		t.p.stageDone(s.name, run.Duration, int64(bytes), err)
	}()
	bytes, err = s.step(ctx, &run)
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// read fetches the bronze bytes.
func (t *task) read(ctx context.Context) error {
	return patiently(ctx, func() (err error) {
		t.product.content, err = t.p.o.Blobs.Get(ctx, t.version.Blob)
		return err
	})
}

// parse turns bronze into silver and verifies that every byte of it has a source.
func (t *task) parse(ctx context.Context, run *lode.Run) (int, error) {
	content, mediaType := t.product.content, t.version.MediaType
	t.product.content = nil
	var silver *lode.SilverText
	err := patiently(ctx, func() (err error) {
		silver, err = t.p.o.Parse(ctx, content, mediaType)
		return err
	})
	if err != nil {
		return len(content), err
	}
	if strings.TrimSpace(silver.Text) == "" {
		return len(content), lode.Errorf(lode.CodeInvalid, "the document holds no text")
	}
	if err := silver.Verify(content); err != nil {
		return len(content), err
	}
	encoded, err := t.p.o.EncodeSilver(silver)
	if err != nil {
		return len(content), err
	}
	t.product.title, t.product.text, t.product.encoded = silver.Title, silver, encoded
	t.product.silver, t.product.language = silver.Hash(), t.languageOf(silver)
	run.Inputs, run.Outputs = []lode.Hash{t.version.Blob}, []lode.Hash{t.product.silver}
	run.Config = t.p.o.ParserVersion(mediaType)
	run.Counts = map[string]int64{"bytes": int64(len(content)), "text_bytes": int64(len(silver.Text)), "sections": int64(len(silver.Sections))}
	if silver.Pages > 0 {
		run.Counts["pages"] = int64(silver.Pages)
	}
	return len(content), nil
}

// languageOf decides the language of a text, once: by who handed it in, by what the document
// declares, by the text, and else by its collection.
func (t *task) languageOf(silver *lode.SilverText) string {
	if t.version.Language != "" {
		return t.version.Language
	}
	if l, declared := text.Declared(silver.Language); declared {
		return string(l)
	}
	return string(text.Detect(silver.Text, text.Language(cmp.Or(t.collection.Tuning.Language, lode.LanguageDefault))))
}

// chunk turns silver into gold.
func (t *task) chunk(ctx context.Context, run *lode.Run) (int, error) {
	text := t.product.text
	run.Config = chunker.Fingerprint(t.collection.Chunker)
	var compare chunker.Embed
	if t.collection.Chunker.Embeds() {
		embedder, err := t.p.o.EmbedderFor(t.collection)
		if err != nil {
			return len(text.Text), err
		}
		run.Config += " by " + embedder.Fingerprint()
		compare = func(ctx context.Context, texts []string) ([]lode.Vector, error) {
			return embedder.Embed(ctx, embed.Document, texts)
		}
	}
	chunks, err := t.p.o.Chunk(ctx, text, t.collection.Chunker, compare)
	if err != nil {
		return len(text.Text), err
	}
	if len(chunks) > t.p.o.MaxChunks {
		return len(text.Text), lode.FieldError(lode.CodeTooLarge, "chunks", len(chunks), "document has %d chunks, the limit is %d", len(chunks), t.p.o.MaxChunks)
	}
	if err := checkChunks(text, chunks); err != nil {
		return len(text.Text), err
	}
	counted := int64(0)
	for i := range chunks {
		chunks[i].ID.Doc, chunks[i].ID.Version = t.job.Doc, t.job.Version
		counted += int64(chunks[i].Tokens)
	}
	flagged := FlagChunks(text, chunks)
	t.product.chunks, t.product.gold = chunks, lode.GoldHash(chunks)
	run.Inputs, run.Outputs = []lode.Hash{t.product.silver}, []lode.Hash{t.product.gold}
	run.Counts = map[string]int64{"chunks": int64(len(chunks)), "tokens": counted}
	if flagged > 0 {
		run.Counts["flagged"] = flagged
	}
	return len(text.Text), nil
}

// checkChunks holds the chunker to its promise before anything becomes visible: a citation
// quotes exactly what its span says.
func checkChunks(text *lode.SilverText, chunks []lode.Chunk) error {
	if len(chunks) == 0 {
		return lode.Errorf(lode.CodeInternal, "the chunker made no chunk of %d bytes", len(text.Text))
	}
	for i := range chunks {
		c := &chunks[i]
		if int(c.ID.Ordinal) != i || !c.Quotes(text.Text) {
			return lode.Errorf(lode.CodeInternal, "chunk %d differs from the text at its span", i)
		}
	}
	return nil
}

// embed turns gold into vectors and makes both ready to be staged.
func (t *task) embed(ctx context.Context, run *lode.Run) (int, error) {
	size := len(t.product.text.Text)
	embedder, err := t.p.o.EmbedderFor(t.collection)
	if err != nil {
		return size, err
	}
	if embedder.Dim() != t.collection.Dim {
		return size, lode.Invalid("dim", embedder.Dim(), "the embedder makes %d dimensions, the collection has %d", embedder.Dim(), t.collection.Dim)
	}
	vectors := make([]lode.Vector, 0, len(t.product.chunks))
	for start := 0; start < len(t.product.chunks); start += embedBatch {
		batch, err := t.embedBatch(ctx, embedder, t.product.chunks[start:min(start+embedBatch, len(t.product.chunks))])
		if err != nil {
			return size, err
		}
		vectors = append(vectors, batch...)
	}
	t.product.vectors = lode.VectorsHash(vectors)
	t.product.staged = make([]lode.StagedChunk, len(vectors))
	for i, v := range vectors {
		t.product.staged[i] = lode.StagedChunk{Chunk: t.product.chunks[i], Vector: lode.AppendVector(make([]byte, 0, 4*len(v)), v)}
		vectors[i] = nil
	}
	t.product.text = nil
	run.Inputs, run.Outputs = []lode.Hash{t.product.gold}, []lode.Hash{t.product.vectors}
	run.Config = embedder.Fingerprint()
	run.Counts = map[string]int64{"vectors": int64(len(vectors)), "dimensions": int64(embedder.Dim())}
	return size, nil
}

func (t *task) embedBatch(ctx context.Context, e embed.Embedder, chunks []lode.Chunk) ([]lode.Vector, error) {
	texts := make([]string, len(chunks))
	for i := range chunks {
		texts[i] = chunks[i].EmbeddedText(t.product.title)
	}
	vectors, err := e.Embed(ctx, embed.Document, texts)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(texts) {
		return nil, lode.Errorf(lode.CodeProvider, "the embedder made %d vectors of %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		if err := v.ValidateFor(t.collection.Dim, t.collection.Metric); err != nil {
			return nil, lode.Errorf(lode.CodeProvider, "the embedding of chunk %d cannot be used: %s", chunks[i].ID.Ordinal, reasonOf(err))
		}
	}
	return vectors, nil
}
