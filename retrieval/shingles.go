package retrieval

import (
	"hash/maphash"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// shingleWords is how many words in a row make a shingle.
const shingleWords = 3

// shingles are the hashes of all runs of words of a text, each once, ascending. A shorter text is
// one run.
type shingles struct{ hashes []uint64 }

// shingleSeed makes the same hashes for the life of the process: nothing is kept longer.
var shingleSeed = maphash.MakeSeed()

// shinglesOf cuts a text. One without words has none.
func shinglesOf(text string) *shingles {
	var words []uint64
	for word := range lode.SplitWords(text) {
		words = append(words, maphash.String(shingleSeed, word))
	}
	if len(words) == 0 {
		return &shingles{}
	}
	s := &shingles{hashes: make([]uint64, 0, len(words))}
	for i := 0; i == 0 || i+shingleWords <= len(words); i++ {
		var h uint64
		for _, word := range words[i:min(i+shingleWords, len(words))] {
			h = mix(h ^ word)
		}
		s.hashes = append(s.hashes, h)
	}
	slices.Sort(s.hashes)
	s.hashes = slices.Compact(s.hashes)
	return s
}

// mix spreads a hash over all bits (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// similarity is the Jaccard similarity, 0 where either text has no words.
func (s *shingles) similarity(t *shingles) float64 {
	common, i, j := 0, 0, 0
	for i < len(s.hashes) && j < len(t.hashes) {
		switch {
		case s.hashes[i] < t.hashes[j]:
			i++
		case s.hashes[i] > t.hashes[j]:
			j++
		default:
			common++
			i++
			j++
		}
	}
	if common == 0 {
		return 0
	}
	return float64(common) / float64(len(s.hashes)+len(t.hashes)-common)
}

// collapser finds, among candidates that it was given before, one that says nearly the same.
//
// Two sets of a similarity of at least t have a hash in common among the first n - ⌈t·n⌉ + 1 of
// each, in any order that both share (Chaudhuri, Ganti, Kaushik 2006). So only candidates that
// meet there are compared, and thousands of unlike ones cost next to nothing.
type collapser struct {
	least float64
	at    map[uint64][]*candidate // by the first hashes
	all   []*candidate            // that have words; for a least of 0, which all reach
}

func newCollapser(least float64) *collapser {
	return &collapser{least: least, at: map[uint64][]*candidate{}}
}

// find returns the first candidate that c repeats, nil where it is a new one, which is kept.
func (x *collapser) find(c *candidate) *candidate {
	s := c.shingles()
	if len(s.hashes) == 0 {
		return nil
	}
	if x.least == 0 {
		if x.all = append(x.all, c); len(x.all) > 1 {
			return x.all[0]
		}
		return nil
	}
	var found *candidate
	prefix := s.hashes[:x.prefix(len(s.hashes))]
	for _, h := range prefix {
		for _, other := range x.at[h] {
			if other.compared == c || found != nil && found.order < other.order {
				continue
			}
			if other.compared = c; s.similarity(other.words) >= x.least {
				found = other
			}
		}
	}
	if found == nil {
		for _, h := range prefix {
			x.at[h] = append(x.at[h], c)
		}
	}
	return found
}

// prefix is how many of n hashes must be looked at. A rounding may only make it longer.
func (x *collapser) prefix(n int) int {
	return min(n, n-int(math.Ceil(x.least*float64(n)-1e-9))+1)
}

func (c *candidate) shingles() *shingles {
	if c.words == nil {
		c.words = shinglesOf(c.read.Chunk.Shown())
	}
	return c.words
}
