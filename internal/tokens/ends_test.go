package tokens_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/tokens"
)

func TestEnds(t *testing.T) {
	f := func(s string, want ...int) {
		t.Helper()
		if got := tokens.Ends(s); !slices.Equal(got, want) {
			t.Errorf("Ends(%q) = %v, want %v", s, got, want)
		}
	}
	f("")
	f("The ore is washed.", 3, 7, 10, 17, 18)
	f("antidisestablishmentarianism", 3, 7, 16, 20, 25, 28)
	f("a\xff\xfe", 1, 2, 3)
	for _, s := range []string{
		strings.Repeat("x", 3000), "中文字符没有空格。", "🎉🎉🎉", " \n\n  a\t\tb", "Senjō no Valkyria 3 : <unk> Chronicles", strings.Repeat("1234567 ", 40),
	} {
		ends := tokens.Ends(s)
		if len(ends) != tokens.Count(s) || ends[len(ends)-1] != len(s) || !slices.IsSorted(ends) {
			t.Errorf("%.40q: %d ends, %d tokens", s, len(ends), tokens.Count(s))
		}
	}
}
