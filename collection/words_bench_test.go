package collection_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// BenchmarkWords starts an engine over 200,000 chunks of 80 words in sealed segments with graphs,
// until it has answered a search by words, with and without the files of the words, and searches.
// Beside the time it reports what the words take in memory.
func BenchmarkWords(b *testing.B) {
	const docs, chunks = 10_000, 20
	n := open(b, func(o *collection.Options) { o.Graphs = plainGraphs{} })
	n.create("c")
	random := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(random, 1.1, 8, 60_000)
	for i := range docs {
		var text strings.Builder
		for c := range chunks {
			if c > 0 {
				text.WriteByte('\n')
			}
			for range 80 {
				fmt.Fprintf(&text, "%x ", 7919*(zipf.Uint64()+1)) // spelled like nothing, so that no stem is another's
			}
		}
		n.ingest("c", lode.DocID(fmt.Sprint("d", i)), text.String())
		if i%(docs/2) == docs/2-1 {
			n.seal("c")
		}
	}
	n.flush()
	n.buildGraphs(2)
	query := fmt.Sprintf("%x %x %x", 7919*3, 7919*40, 7919*900)
	if built, err := n.BuildWords(ctx); built != 2 || err != nil {
		b.Fatal(built, err)
	}
	n.stop() // so that only what is measured is in memory
	n.start()
	want := fmt.Sprint(n.lexical(root, query))
	b.Run("in files", func(b *testing.B) { benchWords(b, n, query, want, docs*chunks) })
	b.Run("search", func(b *testing.B) {
		for b.Loop() {
			if got := n.lexical(root, query); len(got) != 100 {
				b.Fatal(len(got))
			}
		}
	})
	n.stop()
	for _, path := range n.wordFiles() {
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
	n.start()
	b.Run("read", func(b *testing.B) { benchWords(b, n, query, want, docs*chunks) })
}

func benchWords(b *testing.B, n *node, query, want string, rows int) {
	b.Helper()
	var usage collection.Usage
	for b.Loop() {
		n.stop()
		runtime.GC()
		n.start()
		if got := fmt.Sprint(n.lexical(root, query)); got != want {
			b.Fatalf("%s, want %s", got, want)
		}
		all, err := n.Usage(root)
		if err != nil {
			b.Fatal(err)
		}
		usage = all[0]
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*rows), "µs/row")
	b.ReportMetric(float64(usage.Lexical)/float64(rows), "heap-B/row")
	b.ReportMetric(float64(usage.Words)/float64(rows), "file-B/row")
}
