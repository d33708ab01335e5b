package builtin

import "unicode/utf8"

// adder turns one text after another into integer sums. It is scratch memory, for one
// goroutine at a time.
type adder struct {
	stop  map[string]bool
	sums  [hashDim]int64
	seen  map[uint64]int // hash of a word to its place in found
	found []found        // distinct words in order of appearance
	bytes []byte         // of the distinct words
	word  []byte
	last  uint64 // hash of the word before, when both stand alone
}

// found is a distinct word, or pair of characters, of a text.
type found struct {
	hash       uint64
	start, end int // in adder.bytes; equal for what has no parts
	weight     int64
	times      int
}

// maxKept bounds the distinct words that scratch memory is kept for.
const maxKept = 1 << 15

func newAdder(stop map[string]bool) *adder {
	return &adder{stop: stop, seen: map[uint64]int{}}
}

// text returns the sums of a text, valid until the next call.
func (a *adder) text(text string) *[hashDim]int64 {
	a.reset()
	a.word = words(text, a.word, a.count)
	for i := range a.found {
		a.add(&a.found[i])
	}
	return &a.sums
}

func (a *adder) reset() {
	if len(a.found) > maxKept {
		*a = *newAdder(a.stop)
		return
	}
	clear(a.seen)
	a.sums, a.found, a.bytes, a.last = [hashDim]int64{}, a.found[:0], a.bytes[:0], 0
}

// count notes one occurrence of a word; of characters that stand alone, also of the pair with
// the one before.
func (a *adder) count(word []byte, alone bool) {
	h, before := hash(wordSeed, word), a.last
	a.last = 0
	if !alone {
		a.note(h, word, a.weight(word))
		return
	}
	a.last = h
	a.note(h, nil, aloneWeight)
	if before != 0 {
		a.note(mix(before*pairFactor+h), nil, aloneWeight)
	}
}

func (a *adder) note(h uint64, word []byte, weight int64) {
	if i, ok := a.seen[h]; ok {
		a.found[i].times++
		return
	}
	a.seen[h] = len(a.found)
	start := len(a.bytes)
	a.bytes = append(a.bytes, word...)
	a.found = append(a.found, found{hash: h, start: start, end: len(a.bytes), weight: weight, times: 1})
}

// weight stands for the rarity of a word.
func (a *adder) weight(word []byte) int64 {
	if a.stop[string(word)] {
		return stopWeight
	}
	return at(lengthWeights[:], utf8.RuneCount(word))
}

// add adds a word and its parts to the sums.
func (a *adder) add(f *found) {
	weight := f.weight * at(timesWeights[:], f.times)
	a.feature(f.hash, weight*wordShare)
	word := a.bytes[f.start:f.end]
	if n := utf8.RuneCount(word); n >= leastPart {
		a.parts(word, weight*partShare/at(partDivisors[:], n))
	}
}

// parts adds the runs of 3 to 5 runes of the word, its edges marked.
func (a *adder) parts(word []byte, weight int64) {
	var room [maxWord + 64]byte
	marked := append(append(append(room[:0], '<'), word...), '>')
	for start := range marked {
		if utf8.RuneStart(marked[start]) {
			a.partsFrom(marked[start:], weight)
		}
	}
}

// partsFrom adds the parts that marked begins with.
func (a *adder) partsFrom(marked []byte, weight int64) {
	h, runes := uint64(partSeed), 0
	for _, c := range marked {
		if utf8.RuneStart(c) {
			if runes >= leastPart {
				a.feature(mix(h), weight)
			}
			if runes == mostPart {
				return
			}
			runes++
		}
		h = (h ^ uint64(c)) * fnvPrime
	}
	if runes >= leastPart {
		a.feature(mix(h), weight)
	}
}

// feature adds a weight to the dimension of a hash, with its sign.
func (a *adder) feature(h uint64, weight int64) {
	if h>>63 == 1 {
		weight = -weight
	}
	a.sums[h%hashDim] += weight
}

// hash is FNV-1a with a final mix, for dimensions are taken from the low bits.
func hash(seed uint64, b []byte) uint64 {
	for _, c := range b {
		seed = (seed ^ uint64(c)) * fnvPrime
	}
	return mix(seed)
}

func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
