package train

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/testdata"
)

var blankLine = regexp.MustCompile(`\n[ \t]*\n`)

// TestProseSharesNothing holds what the set claims: the answer's paragraph is there once, and
// question and paragraph have no content stem in common.
func TestProseSharesNothing(t *testing.T) {
	questions, err := ReadProse()
	if err != nil {
		t.Fatal(err)
	}
	if len(questions) < 200 {
		t.Errorf("%d questions, want 200", len(questions))
	}
	corpora := filepath.Join(testdata.Dir(t), "corpora")
	for _, q := range questions {
		content, err := os.ReadFile(filepath.Join(corpora, q.File))
		if err != nil {
			t.Fatal(err)
		}
		if fault := proseFault(q, string(content)); fault != "" {
			t.Errorf("%q: %s", q.Query, fault)
		}
	}
}

// TestProseCatches is the negative control of TestProseSharesNothing.
func TestProseCatches(t *testing.T) {
	const page = "Other.\n\nOre is washed\nin water.\n\nOre again."
	q := ProseQuestion{Quote: "Ore is washed", Query: "cleaning stones"}
	if fault := proseFault(q, page); fault != "" {
		t.Errorf("a good question: %s", fault)
	}
	q.Query = "what happens in water"
	if proseFault(q, page) == "" {
		t.Error("a shared word is not caught")
	}
	q = ProseQuestion{Quote: "Ore", Query: "cleaning stones"}
	if proseFault(q, page) == "" {
		t.Error("a quote that stands twice is not caught")
	}
}

func proseFault(q ProseQuestion, content string) string {
	at := strings.Index(content, q.Quote)
	if at < 0 || strings.Count(content, q.Quote) != 1 {
		return "the quote does not stand in the file once"
	}
	paragraph := content[at:]
	if end := blankLine.FindStringIndex(paragraph); end != nil {
		paragraph = paragraph[:end[0]]
	}
	if shared := Overlap(q.Query, paragraph); len(shared) > 0 {
		return "shares " + strings.Join(shared, ", ")
	}
	return ""
}
