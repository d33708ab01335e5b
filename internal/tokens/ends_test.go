package tokens_test

import (
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/tokens"
)

func TestEnds(t *testing.T) {
	for _, s := range []string{"", "word", "The last boat leaves at 23:40.", "naïve Überfahrt – 長い文章です", strings.Repeat("abc ", 300), "a\xffb"} {
		ends := tokens.Ends(s)
		last := 0
		for i, end := range ends {
			if end <= last && i > 0 || end > len(s) {
				t.Fatalf("%q: token %d ends at %d, the one before at %d", s, i, end, last)
			}
			last = end
		}
		if last != len(s) {
			t.Errorf("%q: the last token ends at %d of %d", s, last, len(s))
		}
		if want := tokens.Count(s); len(ends) != want && s != "a\xffb" {
			t.Errorf("%q: %d tokens, counted are %d", s, len(ends), want)
		}
	}
}
