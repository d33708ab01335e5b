package chaos

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// vectorDim is the dimension of raw vectors in the lasting collection; short-lived
// collections each have their own.
const vectorDim = 8

// newWord returns a word that no stemmer changes and that does not come twice.
func newWord(random *rand.Rand) string {
	const letters = "bcdfghjkmnpqrtvwxz"
	word := make([]byte, 14)
	for i := range word {
		word[i] = letters[random.IntN(len(letters))]
	}
	word[len(word)-1] = 'q'
	return string(word)
}

// newDocument returns a text with one word of its own, sometimes with many chunks.
func newDocument(random *rand.Rand, id lode.DocID) string {
	paragraphs := 1 + random.IntN(3)
	if random.IntN(12) == 0 {
		paragraphs = 60 + random.IntN(80)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Note %s\n\nThe mark of this note is %s.\n\n", id, newWord(random))
	for range paragraphs {
		b.WriteString(strings.Repeat("Tides turn twice a day. ", 1+random.IntN(20)) + "\n\n")
	}
	return b.String()
}

// wordOf finds the word that [newDocument] or [newPoint] gave to a value.
func wordOf(value string) string {
	_, rest, _ := strings.Cut(value, "mark of this note is ")
	word, _, _ := strings.Cut(rest, ".")
	return word
}

// newPointText is the value of a raw vector; its numbers follow from it.
func newPointText(random *rand.Rand) string {
	return "The mark of this note is " + newWord(random) + "."
}

// newPoint returns the raw vector with a text.
func newPoint(id lode.DocID, text string, dim int) v1.Point {
	h := fnv.New64a()
	h.Write([]byte(text)) // never fails
	random := rand.New(rand.NewPCG(h.Sum64(), 0))
	vector := make(lode.Vector, dim)
	for i := range vector {
		vector[i] = float32(random.IntN(2000)-1000) / 16
	}
	return v1.Point{ID: id, Vector: vector, Text: text}
}
