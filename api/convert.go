package api

import (
	"cmp"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Wire types are not storage types: this file is where the one becomes the other.

func toCollection(c lode.Collection, stats *lode.CollectionStats) v1.Collection {
	out := v1.Collection{
		Name: c.Name, Metric: c.Metric, Dim: c.Dim, Fingerprint: c.Fingerprint, CreatedAt: c.CreatedAt,
		Vectors: toSpaces(c.Vectors), Memory: c.Tuning.Memory, Indexes: c.Tuning.Indexes, History: c.Tuning.History, HistoryFrom: c.Tuning.HistoryFrom,
		Ranking:  toRanking(c.Tuning.Ranking),
		Language: cmp.Or(c.Tuning.Language, lode.LanguageDefault), Glossary: c.Tuning.Glossary,
		Embedder: v1.Embedder{Provider: c.Embedder.Provider, Model: c.Embedder.Model, Dim: c.Embedder.Dim},
		Weights:  c.Embedder.Weights,
		Chunker:  v1.Chunker(c.Chunker),
	}
	if stats != nil {
		counts := v1.CollectionStats(*stats)
		out.Stats = &counts
	}
	return out
}

func toDocument(d *lode.Document, v *lode.DocVersion) v1.Document {
	out := v1.Document{
		ID: d.ID, State: v.State, Version: v.Version, CurrentVersion: d.Current, URI: v.URI, MediaType: v.MediaType,
		Title: v.Title, Language: v.Language, Size: v.Size, Bronze: hashOrNil(v.Blob), Silver: hashOrNil(v.Silver), Gold: hashOrNil(v.Gold),
		Chunks: v.Chunks, Metadata: d.Metadata, Readers: d.Readers, ExpiresAt: inUTC(d.ExpiresAt),
		ReceivedAt: v.ReceivedAt, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	if v.Failure != nil {
		failure := v1.Failure(*v.Failure)
		out.Failure = &failure
	}
	return out
}

// inUTC is a time as answers show it; nil stays nil.
func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func hashOrNil(h lode.Hash) *lode.Hash {
	if h.IsZero() {
		return nil
	}
	return &h
}

func toRuns(runs []lode.Run) []v1.Run {
	out := make([]v1.Run, len(runs))
	for i, run := range runs {
		out[i] = v1.Run{
			Stage: run.Stage, Start: run.Start, DurationNS: run.Duration.Nanoseconds(),
			Inputs: run.Inputs, Outputs: run.Outputs, Config: run.Config, Counts: run.Counts,
		}
	}
	return out
}

func toSilver(id lode.DocID, s *lode.SilverText, v *lode.DocVersion) v1.SilverLayer {
	out := v1.SilverLayer{
		DocumentID: id, Version: v.Version, Hash: v.Silver, Title: s.Title, Language: s.Language, Pages: s.Pages, Text: s.Text,
		Sections: make([]v1.Section, len(s.Sections)), SourceMap: make([]v1.SourceRun, len(s.Runs)),
		Flags: toFlags(s.Flags),
	}
	for i, section := range s.Sections {
		out.Sections[i] = v1.Section{
			Kind: section.Kind, Level: section.Level, Path: section.Path, Page: section.Page, Span: v1.Span(section.Span),
		}
	}
	for i, run := range s.Runs {
		out.SourceMap[i] = v1.SourceRun{Silver: v1.Span(run.Silver), Bronze: v1.Span(run.Bronze), Kind: mapKind(run.Kind)}
	}
	return out
}

func mapKind(k lode.MapKind) string {
	switch k {
	case lode.MapExact:
		return "exact"
	case lode.MapDecoded:
		return "decoded"
	}
	return "page"
}

func toChunk(id lode.DocID, c *lode.Chunk) v1.Chunk {
	out := v1.Chunk{
		ID: c.ID, DocumentID: id, Version: c.ID.Version, Text: c.Text, Span: v1.Span(c.Span),
		Path: c.Path, Page: c.Page, Tokens: c.Tokens, Flags: toFlags(c.Flags),
	}
	out.Header = toChunkHeader(c.Header)
	return out
}

func toChunkHeader(h *lode.ChunkHeader) *v1.ChunkHeader {
	if h == nil {
		return nil
	}
	return &v1.ChunkHeader{Text: h.Text, Span: v1.Span(h.Span)}
}

func toTrace(t *lode.Trace) v1.Trace {
	out := v1.Trace{
		Verified: t.Verified(), Collection: t.Collection, Document: toDocument(&t.Document, &t.Version),
		Chunk:  toChunk(t.Document.ID, &t.Chunk),
		Bronze: v1.BronzeSpan{Hash: t.Version.Blob, Span: v1.Span(t.Bronze)},
		Runs:   toRuns(t.Runs), Checks: make([]v1.TraceCheck, len(t.Checks)),
	}
	for i, check := range t.Checks {
		out.Checks[i] = v1.TraceCheck(check)
	}
	return out
}

func toHits(hits []lode.Hit) []v1.Hit {
	out := make([]v1.Hit, len(hits))
	for i := range hits {
		out[i] = toHit(&hits[i])
	}
	return out
}

func toHit(h *lode.Hit) v1.Hit {
	row := &h.Row
	out := v1.Hit{
		Score: h.Score, DenseScore: h.Dense, LexicalScore: h.Lexical, ChunkID: row.Chunk.ID, Version: row.Chunk.ID.Version,
		Kind: kindName(lode.KindDocument), Text: row.Chunk.Text, Path: row.Chunk.Path, Page: row.Chunk.Page, Span: v1.Span(row.Chunk.Span), Vector: row.Vector,
	}
	if d := row.Document; d != nil {
		out.DocumentID, out.Metadata = d.ID, d.Metadata
		out.Kind = kindName(d.Kind)
	}
	if v := row.Version; v != nil {
		out.URI, out.Title, out.Bronze = v.URI, v.Title, hashOrNil(v.Blob)
	}
	out.Header, out.Flags = toChunkHeader(row.Chunk.Header), toFlags(row.Chunk.Flags)
	out.RerankScore, out.Collection, out.Duplicates = h.Rerank, h.Collection, h.Duplicates
	if h.Explanation != nil {
		out.Explanation = toHitExplanation(h.Explanation)
	}
	return out
}

// The names of the kinds.
const (
	kindDocument = "document"
	kindVector   = "vector"
)

func kindName(k lode.Kind) string {
	if k == lode.KindVector {
		return kindVector
	}
	return kindDocument
}

// kindFrom reads the name of a kind; 0 for none.
func kindFrom(name string) (lode.Kind, error) {
	switch name {
	case "":
		return 0, nil
	case kindDocument:
		return lode.KindDocument, nil
	case kindVector:
		return lode.KindVector, nil
	}
	return 0, lode.Invalid("kind", name, "kind must be document or vector")
}

func fromPoint(in v1.Point) lode.Point {
	return lode.Point{
		ID: in.ID, Vector: in.Vector, Vectors: in.Vectors, Sparse: fromSparses(in.Sparse), Text: in.Text,
		Metadata: in.Metadata, Readers: in.Readers, ExpiresAt: in.ExpiresAt, IfVersion: in.IfVersion,
	}
}

func toPoint(p lode.Point) v1.Point {
	return v1.Point{
		ID: p.ID, Vector: p.Vector, Vectors: p.Vectors, Sparse: toSparses(p.Sparse), Text: p.Text,
		Metadata: p.Metadata, Readers: p.Readers, ExpiresAt: inUTC(p.ExpiresAt), Version: p.Version,
	}
}
