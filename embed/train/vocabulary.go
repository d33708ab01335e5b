package train

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/lodedb/lode/internal/text"
)

// Vocabulary says which words have rows, and how probable each is.
type Vocabulary struct {
	Words         []string  // with a row, the most probable first
	Probabilities []float64 // of those
	rows          map[string]int32
}

// zipf is the probability of a word by its rank among the vectors, but for a factor.
func zipf(rank int) float64 { return 1 / (float64(rank) + 2.7) }

// NewVocabulary chooses the most probable words. The probability of a word is half its share by
// the order of the vectors, half its share of the training text.
func NewVocabulary(c *Corpus, g *GloVe, size int) *Vocabulary {
	p := map[string]float64{}
	total := 0.
	for _, rank := range g.Ranks {
		total += zipf(rank)
	}
	for i, word := range g.Words {
		p[word] += zipf(g.Ranks[i]) / total / 2
	}
	counts, words := c.Counts()
	for n, count := range counts {
		p[c.Words[n]] += float64(count) / float64(words) / 2
	}
	v := &Vocabulary{Words: make([]string, 0, len(p)), rows: map[string]int32{}}
	for word := range p {
		if asciiClass(word[0]) != 0 { // other scripts are spelled
			v.Words = append(v.Words, word)
		}
	}
	slices.SortFunc(v.Words, func(a, b string) int {
		switch {
		case p[a] != p[b]:
			return int(math.Copysign(1, p[b]-p[a]))
		case a < b:
			return -1
		}
		return 1
	})
	v.Words = slices.Clone(v.Words[:min(size, len(v.Words))])
	for i, word := range v.Words {
		v.rows[word] = int32(i)
		v.Probabilities = append(v.Probabilities, p[word])
	}
	return v
}

// Weight of a row at the start: rare words count fully, frequent ones little.
const rarity = 1e-4

// Rows returns the rows before training: of words the direction of their vector beside a random
// one that words of a stem share, of buckets random ones.
func (v *Vocabulary) Rows(g *GloVe, dim, buckets int, seed uint64) []float32 {
	rows := make([]float32, (len(v.Words)+buckets)*dim)
	v.placeVectors(rows, g, dim)
	var stems text.Analyzer
	for i, word := range v.Words {
		row := rows[i*dim : (i+1)*dim]
		normalize(row[:GloVeDim])
		stem := word
		if terms := stems.Terms(nil, word); len(terms) == 1 {
			stem = terms[0]
		}
		gaussian(row[GloVeDim:], rand.New(rand.NewPCG(seed, hash64(stem))))
		normalize(row)
		scale(row, float32(rarity/(rarity+v.Probabilities[i])))
	}
	random := rand.New(rand.NewPCG(seed, 2))
	for rest := rows[len(v.Words)*dim:]; len(rest) > 0; rest = rest[dim:] {
		gaussian(rest[:dim], random)
	}
	return rows
}

// placeVectors adds up, for each row, the vectors of the words that share it, each centred, of
// length one, and weighted by its probability.
func (v *Vocabulary) placeVectors(rows []float32, g *GloVe, dim int) {
	mean := make([]float32, GloVeDim)
	first := g.Vectors[:min(50_000, len(g.Vectors))]
	for _, vector := range first {
		addScaled(mean, vector, 1/float32(len(first)))
	}
	centred := make([]float32, GloVeDim)
	for i, word := range g.Words {
		row, ok := v.rows[word]
		if !ok {
			continue
		}
		copy(centred, g.Vectors[i])
		addScaled(centred, mean, -1)
		normalize(centred)
		addScaled(rows[int(row)*dim:int(row)*dim+GloVeDim], centred, float32(zipf(g.Ranks[i])))
	}
}

// gaussian fills a row with normal numbers of variance 1/len.
func gaussian(row []float32, random *rand.Rand) {
	deviation := 1 / math.Sqrt(float64(len(row)))
	for i := range row {
		row[i] = float32(random.NormFloat64() * deviation)
	}
}

func hash64(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}
