package ann

import (
	"testing"

	"github.com/lodedb/lode/internal/testdata"
)

// TestNamedSets reads the real sets and holds the neighbours that came with them against an
// exact search.
func TestNamedSets(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: reads whole data sets, under -short")
	}
	const asked = 20
	for _, name := range []string{"sift128", "words100"} {
		d, err := Load(t.Context(), DataOptions{Dataset: name, Folder: testdata.Dir(t), MaxQueries: asked, Cache: t.TempDir()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d.About.Truth != "given" || d.Truth.Queries != asked || d.Metric != named[name] {
			t.Errorf("%s: %+v", name, d.About)
		}
		computed, err := computeTruth(t.Context(), d.Base, d.Queries, d.Metric, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		var answers [][]uint32
		for q := range asked {
			answers = append(answers, computed.Row(q)[:10])
		}
		if recall := d.Truth.Recall(answers, 10); recall != 1 {
			t.Errorf("%s: recall of an exact search is %v", name, recall)
		}
	}
}
