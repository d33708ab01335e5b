package parsetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/testdata"
	"github.com/lodedb/lode/pipeline/parse"
)

// corpora are the folders of the test data that hold documents as they come.
var corpora = []string{"docs", "corpora", "pdf-qa", "chunking/corpora"}

// corpusBytes bounds the files of a corpus walk: the largest ones take seconds and show
// nothing that the others do not.
const corpusBytes = 2 << 20

// Corpus parses every real document of a media type, as [parse.Detect] tells it. Each must
// end parsed, within the contract, or refused with a coded reason; at least least of them
// must parse. It returns the reasons of those that did not.
func Corpus(t *testing.T, parser parse.Parser, mediaType string, least int) map[string]error {
	t.Helper()
	dir := testdata.Dir(t)
	parsed, refused := 0, make(map[string]error)
	for path, content := range documents(t, dir, mediaType) {
		_, err := Parse(t, parser, parse.Input{Content: content, MediaType: mediaType, Name: path})
		if err != nil {
			refused[path] = err
			continue
		}
		parsed++
	}
	t.Logf("%s: %d parsed, %d refused", mediaType, parsed, len(refused))
	if parsed < least {
		for path, err := range refused {
			t.Logf("%s: %v", path, err)
		}
		t.Errorf("%d documents parsed, want at least %d", parsed, least)
	}
	return refused
}

func documents(t *testing.T, dir, mediaType string) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, corpus := range corpora {
		err := filepath.WalkDir(filepath.Join(dir, corpus), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			info, err := entry.Info()
			if err != nil || info.Size() > corpusBytes {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			got, err := parse.Detect(content, "", path)
			if err != nil && !typed(err) {
				return fmt.Errorf("%s: detection failed without a reason: %w", path, err)
			}
			if got == mediaType {
				relative, err := filepath.Rel(dir, path)
				if err != nil {
					return err
				}
				found[relative] = content
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return found
}

func typed(err error) bool {
	return lode.IsCode(err, lode.CodeUnsupportedMedia) || lode.IsCode(err, lode.CodeMalformed)
}
