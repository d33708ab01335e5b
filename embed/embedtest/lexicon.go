package embedtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// lexicon checks the optional [embed.Lexicon]: the vector of a text has the direction of the sum of
// its tokens' vectors.
func lexicon(t *testing.T, e embed.Embedder) {
	l, ok := e.(embed.Lexicon)
	if !ok {
		t.Skip("the embedder has no vectors of tokens, as it may")
	}
	vectors := must(t, e, embed.Document, texts)
	for i, text := range texts {
		if fault := notSummed(l, text, vectors[i]); fault != "" {
			t.Errorf("%q: %s", text, fault)
		}
	}
}

// notSummed says how a vector is not that of the tokens of a text.
func notSummed(l embed.Lexicon, text string, v lode.Vector) string {
	sum, of := make([]float64, len(v)), make([]float32, len(v))
	l.Tokens(text, func(token []byte) {
		l.TokenVector(token, of)
		for d, x := range of {
			sum[d] += float64(x)
		}
	})
	dot, squares, length := 0.0, 0.0, 0.0
	for d, x := range v {
		dot += sum[d] * float64(x)
		squares += sum[d] * sum[d]
		length += float64(x) * float64(x)
	}
	if squares == 0 {
		return "" // a text without tokens has a direction by agreement
	}
	if cosine := dot / math.Sqrt(squares*length); !(cosine > 0.9999) {
		return fmt.Sprintf("the cosine of the vector and the sum of its tokens is %v", cosine)
	}
	return ""
}
