package support_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/support"
)

// TestTooMuchToCompare: an answer of thousands of sentences that all stand in thousands of sentences of
// every source is refused in bounded time.
func TestTooMuchToCompare(t *testing.T) {
	var text strings.Builder
	for i := 0; text.Len() < 60<<10; i++ {
		fmt.Fprintf(&text, "Walk to the quay %d. ", i%97)
	}
	var sources []support.Source
	for i := range support.MaxSources {
		sources = append(sources, support.Source{Number: i + 1, Text: text.String()})
	}
	uncited := strings.Repeat("Walk to quay 7 now. ", 3000)
	if _, err := support.Check(uncited, sources); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
	cited := strings.Repeat("Walk to quay 7 now [1]. ", 2500) // one source for each sentence
	if r, err := support.Check(cited, sources); err != nil || r.Claims != 2500 || r.Sentences[0].Source != 1 {
		t.Errorf("%v", err)
	}
	sources[0].Text = strings.Repeat("a", support.MaxSourceBytes)
	if _, err := support.Check("a", sources); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("%v", err)
	}
}

// A claim of more terms than a word has bits.
func TestLongClaim(t *testing.T) {
	var words []string
	for i := range 200 {
		words = append(words, fmt.Sprintf("thing%d", i))
	}
	said := strings.Join(words, " ")
	r, err := support.Check(said+" [1].", []support.Source{{Number: 1, Text: strings.Join(words[:150], " ") + "."}})
	if _, err := support.Check(strings.Repeat(said+"x ", 30), nil); err != nil {
		t.Error(err)
	}
	if err != nil || len(r.Sentences) != 1 || r.Sentences[0].Score != 0.75 || len(r.Sentences[0].Missing) != 50 || r.Sentences[0].Missing[0] != "thing150" {
		t.Errorf("%+v, %v", r, err)
	}
}
