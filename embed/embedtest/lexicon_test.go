package embedtest

import (
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// letters is a lexicon of two words.
type letters struct{}

func (letters) Tokens(text string, yield func([]byte)) {
	for _, word := range strings.Fields(text) {
		yield([]byte(word))
	}
}

func (letters) TokenVector(token []byte, dst []float32) {
	clear(dst)
	dst[len(token)%2] = 1
}

func TestNotSummedCatches(t *testing.T) {
	if fault := notSummed(letters{}, "a bb bb", lode.Vector{2, 1}); fault != "" {
		t.Error(fault)
	}
	if notSummed(letters{}, "a bb bb", lode.Vector{1, 2}) == "" {
		t.Error("another direction passes")
	}
}
