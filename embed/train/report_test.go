package train

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/internal/testdata"
)

func TestReport(t *testing.T) {
	c, _ := tiny()
	o := tinyOptions()
	o.EnsureDefaults()
	r := NewReport(&Made{Corpus: c, Table: []byte("x"), Fetched: []Fetched{{Package: "wordnet-base", Version: "3.0", SHA256: "ab", Licence: "WordNet"}}}, o)
	r.Add("speed", 65432.1, "")
	r.Demand("quality", .51, "", ">=", .52)
	card, err := r.InsertCard("head\n" + cardBegins + "\nold\n" + cardEnds + "\ntail\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"head\n", "\ntail\n", "| wordnet-base | 3.0 |", "| names | 64 |", "| speed | 65432 |", "| quality | 0.5100 | >= 0.52 | **no** |"} {
		if !strings.Contains(card, want) {
			t.Errorf("the card has no %q:\n%s", want, card)
		}
	}
	if strings.Contains(card, "old") {
		t.Error("the old part is still there")
	}
	if again, err := r.InsertCard(card); err != nil || again != card {
		t.Errorf("a second insertion changes the card: %v", err)
	}
	if _, err := r.InsertCard("no marks"); err == nil {
		t.Error("a card without marks is no error")
	}
}

// committed is the report in the repository, and the root of that.
func committed(t *testing.T) (root string, r *Report) {
	t.Helper()
	var err error
	root, err = testdata.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	r, err = report.Read[Report](filepath.Join(root, "bench/results/model-lode-en-v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	return root, r
}

// TestCard holds the committed card and report together: the card is what the report makes of it.
func TestCard(t *testing.T) {
	root, r := committed(t)
	card, err := os.ReadFile(filepath.Join(root, "docs/models/lode-en-v1.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := r.InsertCard(string(card)); err != nil || want != string(card) {
		t.Errorf("docs/models/lode-en-v1.md differs from the report; make model-card writes it: %v", err)
	}
}

// TestCommittedTable holds the committed table to the committed report: its bytes, and, since the
// evaluation runs on it again, a figure.
func TestCommittedTable(t *testing.T) {
	root, r := committed(t)
	b, err := os.ReadFile(filepath.Join(root, "embed/builtin/lode-en-v1.table"))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := tiny()
	if sum := NewReport(&Made{Corpus: c, Table: b}, Options{}).SHA256; sum != r.SHA256 {
		t.Fatalf("the table has SHA-256 %s, the report %s", sum, r.SHA256)
	}
	opened, err := table.Open(string(b))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSet(filepath.Join(testdata.Dir(t), "retrieval", "cranfield"))
	if err != nil {
		t.Fatal(err)
	}
	got := s.mean(newDenseRanking(tableEmbedder(opened, s.weightsOf(opened)), s.passages, 0).rank, s.ndcg)
	for _, f := range r.Figures {
		if f.Name == "cranfield, dense, IDF" && math.Abs(f.Value-got) > 1e-6 {
			t.Errorf("nDCG@10 is %.6f, the report has %.6f", got, f.Value)
		}
	}
}
