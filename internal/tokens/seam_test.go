package tokens_test

import (
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/tokens"
)

func TestSeams(t *testing.T) {
	for s, want := range map[string][2]int{
		"": {-1, -1}, " ": {-1, -1}, "a b": {1, 1}, "a  b": {-1, -1}, "a b c": {1, 3}, "é b c": {4, 4}, " a b ": {2, 2}, "a\n b c": {4, 4},
	} {
		if first, last := tokens.FirstSeam(s), tokens.LastSeam(s); first != want[0] || last != want[1] {
			t.Errorf("%q: %d and %d, want %v", s, first, last, want)
		}
	}
}

// FuzzSeams holds what a seam is: counts of what it parts add up, in each encoding.
func FuzzSeams(f *testing.F) {
	f.Add("It's 10 am, isn't it? The end.\n\n\nfunc main() { x := 3 }", "x")
	f.Add(strings.Repeat("a", tokens.MaxPiece)+" b", " ")
	f.Add("1234 5678 ...  '' 's", "é\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range []string{a, b + " " + a, a + " x" + b} {
			for _, name := range []string{tokens.Name, tokens.O200K} {
				count, _, err := tokens.For(name)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range []int{tokens.FirstSeam(s), tokens.LastSeam(s)} {
					if i >= 0 && count(s) != count(s[:i])+count(s[i:]) {
						t.Fatalf("%s: %q has %d tokens, %q %d and %q %d", name, s, count(s), s[:i], count(s[:i]), s[i:], count(s[i:]))
					}
				}
			}
		}
	})
}
