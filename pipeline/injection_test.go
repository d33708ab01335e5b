package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/internal/testdata"
	"github.com/lodedb/lode/pipeline"
	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/html"
	"github.com/lodedb/lode/pipeline/parse/markdown"
	"github.com/lodedb/lode/pipeline/parse/pdf"
	"github.com/lodedb/lode/pipeline/parse/text"
)

var updateCorpus = flag.Bool("update", false, "rewrite testdata/injection")

func sortedCarriers(all []carrier) []carrier {
	slices.SortStableFunc(all, func(a, b carrier) int { return cmp.Or(cmp.Compare(a.ext, b.ext), cmp.Compare(a.name, b.name)) })
	return all
}

// goldOf takes a document the way that a node does: detection, parser, chunker, flags.
func goldOf(t *testing.T, name string, content []byte) (*lode.SilverText, []lode.Chunk, error) {
	t.Helper()
	mediaType, err := parse.Detect(content, "", name)
	if err != nil {
		return nil, nil, err
	}
	parser := map[string]parse.Parser{parse.TypeText: text.Parse, parse.TypeMarkdown: markdown.Parse, parse.TypeHTML: html.Parse, parse.TypePDF: pdf.Parse}[mediaType]
	silver, err := parser(context.Background(), parse.Input{Content: content, MediaType: mediaType, Name: name})
	if err != nil {
		return nil, nil, err
	}
	if err := silver.Verify(content); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	chunks, err := chunker.Chunk(t.Context(), silver, lode.DefaultChunker, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	pipeline.FlagChunks(silver, chunks)
	return silver, chunks, nil
}

// TestInjections: of 200 documents that carry an order to a model, at least 95 in a hundred lose it
// on the way or have it flagged.
func TestInjections(t *testing.T) {
	dropped, flagged, hidden, hiddenMissed := 0, 0, 0, 0
	missed := map[string]int{}
	for _, in := range injections() {
		path := filepath.Join("testdata/injection", in.name)
		if *updateCorpus {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, in.content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		content, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(content, in.content) {
			t.Fatalf("%s is not what the generator makes (run the test with -update): %v", path, err)
		}
		silver, chunks, err := goldOf(t, in.name, content)
		if err != nil {
			t.Fatalf("%s: %v", in.name, err)
		}
		if in.hides {
			hidden++
		}
		switch at, ok := find(silver.Text, in.written); {
		case !ok:
			dropped++
		case marked(chunks, at):
			flagged++
		default:
			missed[in.carrier]++
			if in.hides {
				hiddenMissed++
			}
			t.Logf("missed in %s: %q", in.name, in.written)
		}
	}
	t.Logf("%d dropped, %d flagged, %d missed %v; of %d that readers do not see, %d missed", dropped, flagged, injectionFiles-dropped-flagged, missed, hidden, hiddenMissed)
	if dropped+flagged < injectionFiles*95/100 {
		t.Errorf("%d of %d are dropped or flagged", dropped+flagged, injectionFiles)
	}
}

// find returns where the ink of a payload stands in a text, or some of it: one third, from its
// beginning, its middle or its end.
func find(text, written string) (span lode.Span, ok bool) {
	ink, places := inkOf(text)
	payload, _ := inkOf(written)
	third := max(1, len(payload)/3)
	for _, part := range []string{payload, payload[:third], payload[third : 2*third], payload[2*third:]} {
		if at := strings.Index(ink, part); at >= 0 {
			return lode.Span{Start: places[at], End: places[at+len(part)-1] + 1}, true
		}
	}
	return lode.Span{}, false
}

// inkOf is a text without its white space, and where each of its bytes stood.
func inkOf(s string) (ink string, places []int) {
	var b strings.Builder
	for i, r := range s {
		if !unicode.IsSpace(r) {
			n := b.Len()
			b.WriteRune(r)
			for range b.Len() - n {
				places = append(places, i)
			}
		}
	}
	return b.String(), places
}

func marked(chunks []lode.Chunk, at lode.Span) bool {
	for _, c := range chunks {
		if c.Span.Overlaps(at) && len(lode.FlagsIn(c.Flags, at)) > 0 {
			return true
		}
	}
	return false
}

// TestInjectionsCatches is the negative control: the same payloads without flags are found and
// counted as missed, and a harmless document has none.
func TestInjectionsCatches(t *testing.T) {
	silver, chunks, err := goldOf(t, "x.txt", []byte(around[0]+"\n\n"+payloads[0]+"\n\n"+around[1]))
	if err != nil {
		t.Fatal(err)
	}
	at, ok := find(silver.Text, payloads[0])
	if !ok || !marked(chunks, at) {
		t.Fatal("a plain order is not found")
	}
	for i := range chunks {
		chunks[i].Flags = nil
	}
	if marked(chunks, at) {
		t.Error("a chunk without flags counts as marked")
	}
	if _, ok := find(around[2], payloads[0]); ok {
		t.Error("a payload is found where there is none")
	}
}

// TestFlagsOfRealDocuments: of the chunks of real documents less than one in a thousand is flagged
// as an order. What parsers call hidden is counted beside it.
func TestFlagsOfRealDocuments(t *testing.T) {
	dir := testdata.Dir(t)
	for _, corpus := range []string{"corpora", "docs", "pdf-qa", "chunking/corpora"} {
		chunks, orders, hidden := 0, 0, 0
		err := filepath.WalkDir(filepath.Join(dir, corpus), func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			if info, err := entry.Info(); err != nil || info.Size() > 1<<20 {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			_, gold, err := goldOf(t, path, content)
			if err != nil {
				return nil // not a format of ours, or refused
			}
			for _, c := range gold {
				chunks++
				if has(c, lode.FlagInstruction) {
					orders++
					t.Logf("%s: %+v", path, c.Flags)
				}
				if has(c, lode.FlagHidden) {
					hidden++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d chunks, %d with orders, %d with hidden text", corpus, chunks, orders, hidden)
		if chunks < 100 || orders*1000 >= chunks {
			t.Errorf("%s: %d of %d chunks are flagged as orders", corpus, orders, chunks)
		}
	}
}

func has(c lode.Chunk, kind lode.FlagKind) bool {
	return slices.ContainsFunc(c.Flags, func(f lode.TextFlag) bool { return f.Kind == kind })
}
