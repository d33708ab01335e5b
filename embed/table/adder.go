package table

import (
	"math"
	"unicode/utf8"
)

// What numbers are multiplied by, so that they stay integers.
const (
	whole     = 1 << 12 // a word of the table; its share is the weight of a part
	weightOne = 1 << 8  // a weight of 1

	// MaxWords bounds the words of a text that count; the sums of so many fit 64 bits.
	MaxWords = 1 << 24

	// EmptyDim is the direction of a text without words.
	EmptyDim = 7
)

// Parts of a word.
const (
	leastPart = 3 // characters
	mostPart  = 5
	mostParts = 3*(MaxWordRunes+2) - 9 + 1 // of the longest word, and the whole
)

// Adder turns texts into vectors. It is scratch memory, for one goroutine at a time.
type Adder struct {
	table   *Table
	weights *Weights
	reader  *Reader
	sums    []int64
	words   int
	buckets []uint32 // of the word at hand
}

// NewAdder returns an adder that weighs words by weights, or all alike if that is nil.
func (t *Table) NewAdder(weights *Weights) *Adder {
	a := &Adder{table: t, weights: weights, sums: make([]int64, t.dim), buckets: make([]uint32, 0, mostParts)}
	a.reader = NewReader(a.word)
	return a
}

// Vector writes the vector of a text to dst, which has the table's dimensions.
func (a *Adder) Vector(text string, dst []float32) {
	clear(a.sums)
	a.words = 0
	a.reader.Read(text)
	unit(a.sums, dst)
}

// word adds a word of the text.
func (a *Adder) word(word []byte) {
	if a.words++; a.words > MaxWords {
		return
	}
	if i, ok := a.table.Find(word); ok {
		a.add(i, whole*a.weights.ofRow(i))
		return
	}
	a.buckets = appendBuckets(a.buckets[:0], word, uint32(a.table.buckets))
	share := shares[len(a.buckets)] * a.weights.ofWord(word)
	for _, b := range a.buckets {
		a.add(a.table.words+int(b), share)
	}
}

// add adds a row, times a weight.
func (a *Adder) add(i int, weight int64) {
	row, scale := a.table.row(i)
	factor := weight * scale / weightOne
	sums := a.sums[:len(row)]
	for d := range sums {
		sums[d] += int64(int8(row[d])) * factor
	}
}

// Buckets appends the buckets of the parts of a folded word, as tables with so many buckets have
// them. Each counts 1/√n for n parts.
func Buckets(dst []uint32, word []byte, buckets int) []uint32 {
	return appendBuckets(dst, word, uint32(buckets))
}

func appendBuckets(dst []uint32, word []byte, buckets uint32) []uint32 {
	var room [maxWordBytes + 2]byte
	marked := append(append(append(room[:0], '<'), word[:min(len(word), maxWordBytes)]...), '>')
	dst = append(dst, hash(marked)%buckets)
	for start := range marked {
		if utf8.RuneStart(marked[start]) {
			dst = partsFrom(dst, marked[start:], buckets)
		}
	}
	return dst
}

// partsFrom appends the buckets of the parts that marked begins with.
func partsFrom(dst []uint32, marked []byte, buckets uint32) []uint32 {
	h, runes := uint32(fnvOffset), 0
	for _, c := range marked {
		if utf8.RuneStart(c) {
			if runes >= leastPart {
				dst = append(dst, h%buckets)
			}
			if runes == mostPart {
				return dst
			}
			runes++
		}
		h = (h ^ uint32(c)) * fnvPrime
	}
	if runes >= leastPart {
		dst = append(dst, h%buckets)
	}
	return dst
}

// shares is the weight of each of n parts: whole/√n.
var shares = func() (s [mostParts + 1]int64) {
	for n := 1; n < len(s); n++ {
		s[n] = int64(math.Round(whole / math.Sqrt(float64(n))))
	}
	return s
}()

// maxSum bounds the sums that are squared: MaxDim squares fit 64 bits.
const maxSum = 1 << 26

// unit scales sums to length one. Only the square root and the division round.
func unit(sums []int64, dst []float32) {
	tame(sums)
	var squares int64
	for _, x := range sums {
		squares += x * x
	}
	dst = dst[:len(sums)]
	if squares == 0 { // no words, or they cancelled out
		clear(dst)
		dst[EmptyDim%len(dst)] = 1
		return
	}
	norm := math.Sqrt(float64(squares))
	for d, x := range sums {
		dst[d] = float32(float64(x) / norm)
	}
}

// tame halves the sums until their squares can be added.
func tame(sums []int64) {
	var largest int64
	for _, x := range sums {
		largest = max(largest, x, -x)
	}
	shift := 0
	for ; largest > maxSum; largest >>= 1 {
		shift++
	}
	if shift > 0 {
		for d := range sums {
			sums[d] /= 1 << shift
		}
	}
}

// Word writes what a folded word adds to the sums of a text to dst, which has the table's
// dimensions: its row, or the rows of its parts, times its weight. It is the same on every CPU.
func (a *Adder) Word(word []byte, dst []float32) {
	clear(a.sums)
	a.words = 0
	a.word(word)
	for d, x := range a.sums {
		dst[d] = float32(x) / whole
	}
}
