package parsetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode/pipeline/parse"
)

// fuzzLimits keep a fuzzing worker small.
var fuzzLimits = parse.Limits{MaxPages: 20, MaxTextBytes: 1 << 20, MaxSections: 10_000, MaxRuns: 50_000, MaxDepth: 64}

// Fuzz holds the contract against mutations of the files in testdata/in.
func Fuzz(f *testing.F, parser parse.Parser, mediaType string) {
	f.Helper()
	files, err := filepath.Glob("testdata/in/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 64<<10 {
			return
		}
		_, _ = Parse(t, parser, parse.Input{Content: content, MediaType: mediaType, Name: "fuzz", Limits: fuzzLimits})
	})
}
