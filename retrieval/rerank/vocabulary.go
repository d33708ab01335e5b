package rerank

import (
	"math"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/index/distance"
)

// vocabulary is the different tokens of one call, with their directions in 8-bit numbers: a cosine
// is a sum of integers, one product and one division, and so has the same bits on every CPU.
type vocabulary struct {
	lexicon embed.Lexicon
	vector  []float32
	ids     map[string]uint32
	names   []string
	codes   []byte    // dim for each token
	lengths []float64 // of the vectors
	norms   []float64 // of the codes; 0: the token has no direction
	seen    []int     // the last text that had the token
	texts   int
}

func newVocabulary(l embed.Lexicon, dim int) *vocabulary {
	return &vocabulary{lexicon: l, vector: make([]float32, dim), ids: map[string]uint32{}}
}

// read returns the different tokens of a text, in the order of their first places: at most so many,
// among the first of all.
func (v *vocabulary) read(text string, different, first int) (out []uint32) {
	v.texts++
	v.lexicon.Tokens(text, func(token []byte) {
		if first--; first < 0 || len(out) >= different {
			return
		}
		if id := v.id(token); v.seen[id] != v.texts {
			v.seen[id] = v.texts
			out = append(out, id)
		}
	})
	return out
}

func (v *vocabulary) id(token []byte) uint32 {
	if id, ok := v.ids[string(token)]; ok {
		return id
	}
	id, name := uint32(len(v.names)), string(token)
	v.ids[name] = id
	v.names, v.seen = append(v.names, name), append(v.seen, 0)
	v.lexicon.TokenVector(token, v.vector)
	v.encode()
	return id
}

// encode appends the direction of the vector: its largest number is 127.
func (v *vocabulary) encode() {
	largest, squares := 0.0, 0.0
	for _, x := range v.vector {
		largest = max(largest, math.Abs(float64(x)))
		squares += float64(x) * float64(x) // exact, so that fusing changes nothing
	}
	sum := 0
	for _, x := range v.vector {
		code := 0.0
		if largest > 0 && !math.IsInf(largest, 1) {
			code = math.Round(float64(x) * 127 / largest)
		}
		sum += int(code) * int(code)
		v.codes = append(v.codes, byte(int8(code)))
	}
	if sum == 0 {
		squares = 0
	}
	v.lengths, v.norms = append(v.lengths, math.Sqrt(squares)), append(v.norms, math.Sqrt(float64(sum)))
}

// cosines compares a token with all that there are. Equal tokens have 1, and those without a
// direction 0.
func (v *vocabulary) cosines(token uint32) []float64 {
	dim := len(v.vector)
	query := make([]int8, dim)
	for i, code := range v.codes[int(token)*dim : (int(token)+1)*dim] {
		query[i] = int8(code)
	}
	var s distance.Scorer
	s.SetInt8(query)
	s.SetRows(v.codes, dim, -1)
	sums := make([]int32, len(v.names))
	s.Sums(sums, 0)
	out := make([]float64, len(sums))
	for i, sum := range sums {
		if norms := v.norms[token] * v.norms[i]; norms > 0 {
			out[i] = float64(sum) / norms
		}
	}
	out[token] = 1
	return out
}
