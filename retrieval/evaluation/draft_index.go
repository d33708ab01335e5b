package evaluation

import (
	"cmp"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// textIndex knows in which passages words and shingles are.
type textIndex struct {
	postings map[string][]int32 // word -> passages, ascending
	chunks   int
	sketches [][]uint64 // of each passage, sorted
	holders  map[uint64][]int32
}

// sketchOf keeps one shingle in so many: enough to estimate a similarity, and a part of the memory.
const sketchOf = 4

// seed is fixed, so that drafts of the same texts are the same: which shingles a sketch keeps must not
// differ between processes.
const shingleSeed = 0x9E3779B97F4A7C15

func indexTexts(chunks []DraftChunk) *textIndex {
	x := &textIndex{postings: map[string][]int32{}, chunks: len(chunks), sketches: make([][]uint64, len(chunks)), holders: map[uint64][]int32{}}
	for i := range chunks {
		for _, w := range distinct(embedded(&chunks[i])) {
			x.postings[w] = append(x.postings[w], int32(i))
		}
		x.sketches[i] = sketch(slices.Collect(lode.SplitWords(chunks[i].Text)))
		for _, h := range x.sketches[i] {
			x.holders[h] = append(x.holders[h], int32(i))
		}
	}
	return x
}

// embedded is what search sees of a passage.
func embedded(c *DraftChunk) string {
	return (&lode.Chunk{Text: c.Text, Path: c.Path}).EmbeddedText(c.Title)
}

// sketch hashes shingles of three words and keeps some of them, chosen by their hashes.
func sketch(words []string) []uint64 {
	var kept []uint64
	for i := 0; i+3 <= len(words); i++ {
		h := uint64(shingleSeed)
		for _, w := range words[i : i+3] {
			h = mix(h, w)
		}
		if h%sketchOf == 0 {
			kept = append(kept, h)
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}

// mix is FNV-1a over a word and its end, then the finish of SplitMix64.
func mix(h uint64, word string) uint64 {
	for i := range len(word) {
		h = (h ^ uint64(word[i])) * 0x100000001B3
	}
	h = (h ^ 0xFF) * 0x100000001B3
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}

// likest estimates the Jaccard similarity of a passage and the one that is most like it.
func (x *textIndex) likest(at int) float64 {
	shared := map[int32]int{}
	own := x.sketches[at]
	for _, h := range own {
		for _, other := range x.holders[h] {
			if other != int32(at) {
				shared[other]++
			}
		}
	}
	most := 0.0
	for other, n := range shared {
		most = max(most, float64(n)/float64(len(own)+len(x.sketches[other])-n))
	}
	return most
}

// shares are how much of the question's words, weighed by how rare they are, the passage has, and how
// much the one of the others that has the most.
func (x *textIndex) shares(at int, query string) (own, rival float64) {
	have, all := map[int32]float64{}, 0.0
	for _, w := range distinct(query) {
		worth := x.idf(w)
		all += worth
		for _, other := range x.postings[w] {
			have[other] += worth
		}
	}
	if all == 0 {
		return 0, 1
	}
	for other, sum := range have {
		if other != int32(at) {
			rival = max(rival, sum)
		}
	}
	return have[int32(at)] / all, rival / all
}

// idf is what a word is worth: 0 in every passage.
func (x *textIndex) idf(w string) float64 {
	df := max(1, len(x.postings[w]))
	return math.Log(float64(x.chunks) / float64(df))
}

// common reports whether a word is in so many passages that it distinguishes none.
func (x *textIndex) common(w string) bool {
	return len(x.postings[w])*10 > x.chunks && len(x.postings[w]) > 2
}

// overlap is the share of the words of a question that a text has.
func (x *textIndex) overlap(query, text string) float64 {
	in := map[string]bool{}
	for w := range lode.SplitWords(text) {
		in[w] = true
	}
	words, n := distinct(query), 0
	for _, w := range words {
		if in[w] {
			n++
		}
	}
	return float64(n) / float64(max(1, len(words)))
}

// distinct are the words of a text, each once, in order.
func distinct(s string) []string {
	var words []string
	seen := map[string]bool{}
	for w := range lode.SplitWords(s) {
		if !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

// byRarity sorts words, the rarest first; words that are as rare stay in order.
func (x *textIndex) byRarity(words []string) []string {
	sorted := slices.Clone(words)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(len(x.postings[a]), len(x.postings[b])) })
	return sorted
}
