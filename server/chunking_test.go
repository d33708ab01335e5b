package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

// oreBook has chapters, a table that is too long for a small chunk, and code that is.
func oreBook() string {
	var b strings.Builder
	b.WriteString("# Ores\n\nOre is washed in running water. It is dried in the sun. Then it is sorted by hand.\n\n## Densities\n\n| metal | density |\n|---|---|\n")
	for i := range 60 {
		fmt.Fprintf(&b, "| metal%d | %d |\n", i, i)
	}
	b.WriteString("\n## Program\n\n```go\n")
	for i := range 12 {
		fmt.Fprintf(&b, "func wash%d(p pan) error {\n\tfill(p)\n\n\treturn keep(p)\n}\n\n", i)
	}
	b.WriteString("```\n")
	return b.String()
}

// TestChunkingStrategies sends a document through every strategy, and follows its chunks back
// after a restart. The header of the table is found with rows far below it.
func TestChunkingStrategies(t *testing.T) {
	dir := t.TempDir()
	node, c := open(t, server.Config{DataDir: dir})
	for _, strategy := range lode.ChunkStrategies() {
		config := &v1.Chunker{Strategy: strategy, MaxTokens: 100}
		if strategy == lode.ChunkWhole {
			config.MaxTokens = 0
		}
		made, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: strategy, Chunker: config})
		if err != nil || !strings.Contains(made.Fingerprint, " "+strategy+"/") || made.Chunker.Strategy != strategy {
			t.Fatalf("%+v, %v", made, err)
		}
		upload(t, c, strategy, map[string]string{"ores.md": oreBook()})
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, server.Config{DataDir: dir})
	for _, strategy := range lode.ChunkStrategies() {
		gold, err := c.GetGold(t.Context(), strategy, "ores.md")
		if err != nil {
			t.Fatal(err)
		}
		headers := 0
		for _, chunk := range gold.Chunks {
			trace := verify(t, c, strategy, chunk.ID)
			if byModel := strings.Contains(trace.Runs[2].Config, " by builtin/"); byModel != (strategy == lode.ChunkSemantic) {
				t.Errorf("%s: the run is %q", strategy, trace.Runs[2].Config)
			}
			if chunk.Header == nil {
				continue
			}
			headers++
			if chunk.Header.Text != "metal | density" || strings.Contains(chunk.Text, "density") {
				t.Errorf("%s: chunk %+v has header %+v", strategy, chunk, chunk.Header)
			}
		}
		if (headers >= 3) != (strategy != lode.ChunkWhole) {
			t.Errorf("%s: %d of %d chunks have a header", strategy, headers, len(gold.Chunks))
		}
		if strategy == lode.ChunkWhole {
			continue
		}
		// Only the header of that chunk says density.
		if hit := retrieve(t, c, strategy, "density of metal41", func(r *v1.Retrieve) { r.Mode = lode.ModeLexical }).Hits[0]; !strings.Contains(hit.Text, "metal41") {
			t.Errorf("%s: found %q", strategy, hit.Text)
		}
	}
	checkWhole(t, c)
}

// Sentences are compared by embedders in the node alone.
func TestSemanticNeedsEmbedder(t *testing.T) {
	_, c := open(t, server.Config{})
	for _, e := range []*v1.Embedder{{Provider: "openai", Model: "m", Dim: 8}, {Provider: "none", Dim: 8}} {
		_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs", Embedder: e, Chunker: &v1.Chunker{Strategy: lode.ChunkSemantic}})
		if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "builtin or local, not "+e.Provider) {
			t.Errorf("%s: %v", e.Provider, err)
		}
	}
}
