package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// spanChunks is how many random chunks are followed to their bytes.
const spanChunks = 10_000

// Spans ingests the folders below o.Data and follows random chunks to their bytes from
// outside: what the API says of spans, source map and hashes is recomputed here, and the
// node's own trace has to agree.
func Spans(ctx context.Context, o Options, folders ...string) (*Report, error) {
	roots := make([]string, len(folders))
	for i, folder := range folders {
		roots[i] = filepath.Join(o.Data, folder)
	}
	files, _, err := documentFiles(roots...)
	if err != nil {
		return nil, err
	}
	r := NewReport("spans", "Spans of random chunks", o)
	return r, withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
		s := &spanCheck{client: c, layers: map[layerKey]*layers{}, broken: map[string]int{}}
		var chunks []placedChunk
		for _, into := range spanCollections {
			if _, _, _, err := ingestFolder(ctx, c, into, files); err != nil {
				return err
			}
			found, err := s.chunks(ctx, into.Name)
			if err != nil {
				return err
			}
			chunks = append(chunks, found...)
		}
		r.Data = fmt.Sprintf("%s; %d documents, %d chunks with the default budget and a small one", strings.Join(folders, " and "), len(s.layers)/len(spanCollections), len(chunks))
		random := rand.New(rand.NewPCG(o.Seed, 0))
		random.Shuffle(len(chunks), func(i, j int) { chunks[i], chunks[j] = chunks[j], chunks[i] })
		chunks = chunks[:min(len(chunks), cmp.Or(o.Limit, spanChunks))]
		for _, chunk := range chunks {
			if err := s.check(ctx, chunk); err != nil {
				return err
			}
		}
		r.Add("chunks followed", float64(len(chunks)), "")
		for _, kind := range []string{brokenText, brokenSource, brokenHash, brokenTrace} {
			r.Demand(kind, float64(s.broken[kind]), "", "<=", 0)
		}
		r.Add("bytes mapped exactly", 100*float64(s.exact)/float64(max(1, s.exact+s.decoded)), "%")
		return nil
	})
}

// What can be wrong with a chunk.
const (
	brokenText   = "chunks that differ from their silver text"
	brokenSource = "chunks whose text does not map to bronze"
	brokenHash   = "hashes that do not verify"
	brokenTrace  = "traces that the node does not verify"
)

// spanCollections hold the documents twice: in chunks of the default size, and in small
// ones, because small chunks begin and end inside of paragraphs, tables and code.
var spanCollections = []v1.CreateCollection{
	{Name: "default"},
	{Name: "small", Chunker: &v1.Chunker{Strategy: lode.ChunkRecursive, MinTokens: 48, MaxTokens: 96}},
}

type spanCheck struct {
	client *client.Client
	layers map[layerKey]*layers
	broken map[string]int

	exact, decoded int // bytes of canonical text by how they are mapped
}

type layerKey struct {
	collection string
	document   lode.DocID
}

type placedChunk struct {
	collection string
	v1.Chunk
}

// layers is one document at all three.
type layers struct {
	bronze []byte
	silver *v1.SilverLayer
}

func (s *spanCheck) chunks(ctx context.Context, collection string) ([]placedChunk, error) {
	var all []placedChunk
	for doc, err := range s.client.Documents(ctx, collection, client.DocumentPage{}) {
		if err != nil {
			return nil, err
		}
		if doc.State != lode.StateReady {
			continue
		}
		gold, err := s.client.GetGold(ctx, collection, doc.ID)
		if err != nil {
			return nil, err
		}
		silver, err := s.client.GetSilver(ctx, collection, doc.ID)
		if err != nil {
			return nil, err
		}
		bronze, err := s.client.GetBronze(ctx, collection, doc.ID)
		if err != nil {
			return nil, err
		}
		if doc.Bronze == nil || lode.HashOf(bronze.Content) != *doc.Bronze || lode.HashOf([]byte(silver.Text)) != silver.Hash {
			s.broken[brokenHash]++
		}
		s.layers[layerKey{collection, doc.ID}] = &layers{bronze: bronze.Content, silver: silver}
		for _, chunk := range gold.Chunks {
			all = append(all, placedChunk{collection, chunk})
		}
	}
	return all, nil
}

func (s *spanCheck) check(ctx context.Context, chunk placedChunk) error {
	l := s.layers[layerKey{chunk.collection, chunk.DocumentID}]
	span, text := chunk.Span, l.silver.Text
	if span.Start < 0 || span.Start >= span.End || span.End > len(text) || text[span.Start:span.End] != chunk.Text {
		s.broken[brokenText]++
		return nil
	}
	if !s.mapped(l, span) {
		s.broken[brokenSource]++
	}
	trace, err := s.client.TraceChunk(ctx, chunk.collection, chunk.ID)
	if err != nil {
		return err
	}
	if !trace.Verified || trace.Bronze.Span.End > len(l.bronze) {
		s.broken[brokenTrace]++
	}
	return nil
}

// mapped reports whether every visible byte of the span has a source, and whether exact
// sources have the same bytes.
func (s *spanCheck) mapped(l *layers, span v1.Span) bool {
	at := span.Start
	for _, run := range l.silver.SourceMap {
		if run.Silver.End <= at || run.Silver.Start >= span.End {
			continue
		}
		if strings.ContainsFunc(l.silver.Text[at:max(at, run.Silver.Start)], visible) || !holds(run, l) {
			return false
		}
		size := min(run.Silver.End, span.End) - max(run.Silver.Start, at)
		if run.Kind == "exact" {
			s.exact += size
		} else {
			s.decoded += size
		}
		at = min(run.Silver.End, span.End)
	}
	return !strings.ContainsFunc(l.silver.Text[at:span.End], visible)
}

func visible(r rune) bool { return !unicode.IsSpace(r) }

// holds reports whether a run lies within both texts, with equal bytes where it is exact.
func holds(run v1.SourceRun, l *layers) bool {
	b := run.Bronze
	if b.Start < 0 || b.Start > b.End || b.End > len(l.bronze) {
		return false
	}
	return run.Kind != "exact" || bytes.Equal(l.bronze[b.Start:b.End], []byte(l.silver.Text[run.Silver.Start:run.Silver.End]))
}
