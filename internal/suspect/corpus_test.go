package suspect

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode/internal/testdata"
)

// blockBytes is about the size of a chunk.
const blockBytes = 1600

// TestRealText: of real text less than one block in a thousand is found suspicious.
func TestRealText(t *testing.T) {
	dir := testdata.Dir(t)
	for _, corpus := range []string{"corpora/go-website", "corpora/rust-book", "retrieval/scifact", "retrieval/cranfield", "chunking/corpora", "docs", "pdf-qa"} {
		blocks, suspicious := 0, 0
		for text := range realBlocks(t, filepath.Join(dir, corpus)) {
			blocks++
			found := append(Instructions(text), Hidden(text)...)
			if len(found) > 0 {
				suspicious++
				t.Logf("%s: %s: %q", corpus, found[0].Rule, text[found[0].Start:found[0].End])
			}
		}
		t.Logf("%s: %d of %d blocks", corpus, suspicious, blocks)
		if blocks < 100 || suspicious*1000 >= blocks {
			t.Errorf("%s: %d of %d blocks are suspicious", corpus, suspicious, blocks)
		}
	}
}

// realBlocks yields the files of a folder that are text, in blocks.
func realBlocks(t *testing.T, dir string) func(yield func(string) bool) {
	t.Helper()
	return func(yield func(string) bool) {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			switch filepath.Ext(path) {
			case ".md", ".txt", ".html", ".csv", ".json", ".jsonl":
			default:
				return nil
			}
			b, err := os.ReadFile(path)
			for text := string(b); len(text) > 0; {
				n := min(blockBytes, len(text))
				if !yield(text[:n]) {
					return fs.SkipAll
				}
				text = text[n:]
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
