package text

import (
	"strings"
	"testing"
)

// Seen words cost no allocation: that is what makes a restart fast. Tested without the
// pool, which forgets at random under the race detector.
func TestSeenWordsAllocateNothing(t *testing.T) {
	const s = "The quick brown foxes are jumping over http.Handler and snake_case, v1.2.3."
	sc := newScratch(languages[English])
	sc.tokens(s)
	if n := testing.AllocsPerRun(100, func() { sc.tokens(s) }); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func TestScratchKeepsNoDocument(t *testing.T) {
	sc := newScratch(languages[English])
	sc.tokens("a long document")
	if sc.words.Value() != "" {
		t.Error("the word iterator still holds the text")
	}
	for range 3 {
		sc.tokens(strings.Repeat("x", maxCachedBytes+1) + " " + strings.Repeat("é", maxCachedBytes))
	}
	for word := range sc.cache {
		if len(word) > maxCachedBytes {
			t.Errorf("a word of %d bytes is cached", len(word))
		}
	}
}
