package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
)

// The real chunker and the built-in embedder, on a document of some hundred chunks: every
// chunk can be traced, and a second node makes the same gold and vectors.
func TestRealStages(t *testing.T) {
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "Paragraph %d tells what vein %d of the lode holds.", i, i*7)
		b.WriteString(strings.Repeat(" It is silver, with some gold, and more of it than anybody asked for.", i%40))
		b.WriteString("\n\n")
	}
	var hashes []string
	for range 2 {
		bubble(t, func(t *testing.T, w *world) {
			w.dim = lode.DefaultEmbedder.Dim
			o := options(w)
			o.Chunk = nil
			o.EmbedderFor = func(lode.Collection) (embed.Embedder, error) { return builtin.New(builtin.Options{}) }
			p := start(t, o)
			r := submit(t, p, "a", b.String())
			v := settle(t, p, r, lode.StateReady)
			if v.Chunks < 100 {
				t.Fatalf("%d chunks of %d bytes", v.Chunks, b.Len())
			}
			for i := range v.Chunks {
				trace, err := p.Trace(t.Context(), anyone, "docs", lode.ChunkID{Doc: r.Doc, Version: 1, Ordinal: uint32(i)}, time.Time{})
				if err != nil || !trace.Verified() {
					t.Fatalf("chunk %d: %+v, %v", i, trace.Checks, err)
				}
			}
			if v.Runs[2].Config == "" || !strings.HasPrefix(v.Runs[3].Config, "builtin/"+lode.DefaultEmbedder.Model) {
				t.Errorf("configurations %q, %q", v.Runs[2].Config, v.Runs[3].Config)
			}
			hashes = append(hashes, v.Gold.String()+v.Runs[3].Outputs[0].String())
		})
	}
	if len(hashes) != 2 || hashes[0] != hashes[1] {
		t.Errorf("two runs differ: %v", hashes)
	}
}
