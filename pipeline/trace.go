package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/lodedb/lode"
)

// The links that Trace recomputes. The names are part of the public API.
const (
	CheckBronze = "bronze_hash"  // the blob's bytes have the recorded hash
	CheckSilver = "silver_hash"  // the stored text has the recorded hash
	CheckSource = "silver_spans" // every byte of the text has a source in bronze
	CheckChunk  = "chunk_text"   // the chunk is exactly the text at its span
	CheckGold   = "gold_hash"    // the stored chunks have the recorded hash
	CheckRuns   = "runs"         // each stage took what the one before it made
)

// Trace follows a chunk of the searchable version back to the bytes that were received and
// recomputes every link from stored bytes. A link that does not hold is no error: it is a
// check that is not OK. A chunk of an older version is [lode.CodeNotFound].
func (p *Pipeline) Trace(ctx context.Context, who lode.Principal, collection string, id lode.ChunkID, asOf time.Time) (lode.Trace, error) {
	row, err := p.o.Collections.Chunk(ctx, who, collection, id, asOf)
	if err != nil {
		return lode.Trace{}, err
	}
	if row.Document.Kind != lode.KindDocument {
		return lode.Trace{}, lode.Invalid("chunk", id, "a raw vector was not made from a document")
	}
	l, err := p.readLayers(ctx, &row)
	if err != nil {
		return lode.Trace{}, err
	}
	if l.silverFault+l.chunksFault != "" { // is it gone by now?
		if _, err := p.o.Collections.Chunk(ctx, who, collection, id, asOf); err != nil {
			return lode.Trace{}, err
		}
	}
	return l.trace(collection, &row), nil
}

// layers is what is stored about one version. What could not be read has a fault.
type layers struct {
	doc     lode.DocNo
	version lode.Version
	found   map[string]string // by checks that are of the whole version: what differed

	bronze      []byte
	bronzeFault string
	silver      *lode.SilverText
	silverFault string
	chunks      []lode.Chunk
	chunksFault string
}

// readLayers fetches the three layers of a chunk's version. Stored bytes that are damaged or gone
// are findings; an error is anything that says nothing about them.
func (p *Pipeline) readLayers(ctx context.Context, row *lode.Row) (l *layers, err error) {
	l = &layers{doc: row.Chunk.ID.Doc, version: row.Chunk.ID.Version, found: map[string]string{}}
	c, version := row.Document.Collection, row.Version
	l.bronze, err = p.o.Blobs.Get(ctx, version.Blob)
	if err := finding(err, &l.bronzeFault); err != nil {
		return nil, err
	}
	l.silver, err = p.o.Collections.VersionSilver(ctx, c, version)
	if err := finding(err, &l.silverFault); err != nil {
		return nil, err
	}
	l.chunks, err = p.o.Collections.VersionChunks(ctx, c, version)
	return l, finding(err, &l.chunksFault)
}

// of reports whether these are the layers of a chunk.
func (l *layers) of(id lode.ChunkID) bool {
	return l != nil && l.doc == id.Doc && l.version == id.Version
}

// trace recomputes every link between a chunk and its bytes.
func (l *layers) trace(collection string, row *lode.Row) lode.Trace {
	t := tracer{layers: l, trace: lode.Trace{
		Collection: collection,
		Document:   *row.Document,
		Version:    *row.Version,
		Chunk:      row.Chunk,
		Runs:       lastRuns(row.Version.Runs),
	}}
	t.check()
	return t.trace
}

// once does a check of the whole version, which is the same for all of its chunks.
func (l *layers) once(name string, f func() string) string {
	fault, known := l.found[name]
	if !known {
		fault = f()
		l.found[name] = fault
	}
	return fault
}

// tracer follows one chunk.
type tracer struct {
	*layers
	trace lode.Trace
}

func finding(err error, fault *string) error {
	if lode.IsCode(err, lode.CodeCorrupt) || lode.IsCode(err, lode.CodeNotFound) {
		*fault = reasonOf(err)
		return nil
	}
	return err
}

func (t *tracer) check() {
	t.add(CheckBronze, t.bronzeFault, t.checkBronze)
	t.add(CheckSilver, t.silverFault, t.checkSilver)
	t.add(CheckSource, t.bronzeFault+t.silverFault, t.checkSource)
	t.add(CheckChunk, t.silverFault, t.checkChunk)
	t.add(CheckGold, t.chunksFault, t.checkGold)
	t.add(CheckRuns, "", t.checkRuns)
}

// add records a check; f returns what differed, "" when nothing did.
func (t *tracer) add(name, fault string, f func() string) {
	if fault == "" {
		fault = f()
	}
	t.trace.Checks = append(t.trace.Checks, lode.TraceCheck{Name: name, OK: fault == "", Detail: fault})
}

func (t *tracer) checkBronze() string {
	return t.once(CheckBronze, func() string { return differs("the blob", lode.HashOf(t.bronze), t.trace.Version.Blob) })
}

func (t *tracer) checkSilver() string {
	return t.once(CheckSilver, func() string { return differs("the stored text", t.silver.Hash(), t.trace.Version.Silver) })
}

func (t *tracer) checkSource() string {
	verify := func() string {
		if err := t.silver.Verify(t.bronze); err != nil {
			return reasonOf(err)
		}
		return ""
	}
	if fault := t.once(CheckSource, verify); fault != "" {
		return fault
	}
	span, ok := t.silver.BronzeSpan(t.trace.Chunk.Span)
	if !ok {
		return "no byte of the chunk has a source"
	}
	t.trace.Bronze = span
	return ""
}

func (t *tracer) checkChunk() string {
	chunk := &t.trace.Chunk
	if !chunk.Span.Within(len(t.silver.Text)) {
		return fmt.Sprintf("span %v is outside the text of %d bytes", chunk.Span, len(t.silver.Text))
	}
	if t.silver.Text[chunk.Span.Start:chunk.Span.End] != chunk.Text {
		return fmt.Sprintf("the text at span %v differs", chunk.Span)
	}
	if !chunk.Quotes(t.silver.Text) {
		return fmt.Sprintf("the text at span %v of the header differs", chunk.Header.Span)
	}
	return ""
}

func (t *tracer) checkGold() string {
	if len(t.chunks) != t.trace.Version.Chunks {
		return fmt.Sprintf("%d chunks are stored, %d recorded", len(t.chunks), t.trace.Version.Chunks)
	}
	ordinal := int(t.trace.Chunk.ID.Ordinal)
	if ordinal >= len(t.chunks) || t.chunks[ordinal].Text != t.trace.Chunk.Text || t.chunks[ordinal].Span != t.trace.Chunk.Span {
		return fmt.Sprintf("chunk %d is not among the stored ones", ordinal)
	}
	return t.once(CheckGold, func() string { return differs("the stored chunks", lode.GoldHash(t.chunks), t.trace.Version.Gold) })
}

// checkRuns follows the hashes through the stages: what one made, the next took.
func (t *tracer) checkRuns() string {
	v := &t.trace.Version
	byStage := map[lode.Stage]lode.Run{}
	for _, run := range t.trace.Runs {
		byStage[run.Stage] = run
	}
	links := []struct {
		stage   lode.Stage
		in, out lode.Hash // zero: anything
	}{
		{lode.StageReceive, lode.Hash{}, v.Blob},
		{lode.StageParse, v.Blob, v.Silver},
		{lode.StageChunk, v.Silver, v.Gold},
		{lode.StageEmbed, v.Gold, lode.Hash{}},
		{lode.StageCommit, v.Gold, v.Gold},
	}
	for _, link := range links {
		run, recorded := byStage[link.stage]
		switch {
		case !recorded:
			return fmt.Sprintf("no run of the %s stage is recorded", link.stage)
		case !link.in.IsZero() && (len(run.Inputs) == 0 || run.Inputs[0] != link.in):
			return fmt.Sprintf("the %s stage did not take %s", link.stage, link.in)
		case len(run.Outputs) == 0 || !link.out.IsZero() && run.Outputs[0] != link.out:
			return fmt.Sprintf("the %s stage did not make %s", link.stage, link.out)
		}
	}
	commit, embedded := byStage[lode.StageCommit], byStage[lode.StageEmbed]
	if len(commit.Inputs) < 2 || commit.Inputs[1] != embedded.Outputs[0] {
		return "the commit stage did not take what the embed stage made"
	}
	return ""
}

// lastRuns keeps the last run of each stage, in order: a retried document has runs of its
// failed attempts too.
func lastRuns(runs []lode.Run) []lode.Run {
	last := map[lode.Stage]int{}
	for i, run := range runs {
		last[run.Stage] = i
	}
	kept := make([]lode.Run, 0, len(last))
	for i, run := range runs {
		if last[run.Stage] == i {
			kept = append(kept, run)
		}
	}
	return kept
}

func differs(what string, got, want lode.Hash) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("%s has hash %s, recorded is %s", what, got, want)
}
