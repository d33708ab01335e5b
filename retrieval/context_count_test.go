package retrieval

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodedb/lode/internal/tokens"
)

// TestQuotedCountsAreExact compares with a count of all.
func TestQuotedCountsAreExact(t *testing.T) {
	prose := strings.Repeat("It isn't easy to say what 1,024 herons do (in winter); they wait. ", 6)
	shortcuts := 0
	f := func(t interface{ Fatalf(string, ...any) }, head, text string) {
		for _, behind := range []string{separator, ""} {
			written := head + quote(text) + behind
			got, ok := countQuoted(tokens.Count, written, len(behind), text, tokens.Count(text))
			if want := tokens.Count(written); ok && got != want {
				t.Fatalf("%d tokens, want %d of %q", got, want, written)
			}
			if ok && behind != "" {
				shortcuts++
			}
		}
	}
	for _, text := range []string{prose, prose + "\n\n" + prose, prose + "\r\n" + prose + "\u2028" + prose, prose + "\n\n\n  \n" + prose + "\n- x\n\n" + prose} {
		f(t, "[1] Title (uri)\n", text)
	}
	if shortcuts != 4 {
		t.Errorf("%d of 4 texts in prose are counted in part", shortcuts)
	}
	piece := rapid.SampledFrom([]string{prose, "herons", " ", " ", " ", "\n", "\n\n", "\r\n", "\r", "\u2029", "it's", "1234", "…", ">", "\t", "é", "\xff", "a b c d e f g h i j k l m n o p q r s t u v w x y z", ". ", ",", "'s", "漢字"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "text"), "")
		f(t, rapid.SampledFrom([]string{"", "[1] a\n", "### [2] b\n\n"}).Draw(t, "head"), text)
	})
	if shortcuts == 4 {
		t.Errorf("%d texts are counted in part: the comparison says nothing", shortcuts)
	}
}
