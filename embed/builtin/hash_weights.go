package builtin

import "strings"

// The tables are part of the model: another value is another model, under another name. They
// were chosen on the training claims of SciFact, among a few round shapes.
const (
	wordShare   = 4  // of a word itself
	partShare   = 4  // of its parts, before the divisor
	stopWeight  = 1  // of function words
	aloneWeight = 16 // of single characters and their pairs
	leastPart   = 3  // runes
	mostPart    = 5

	wordSeed   = 0xcbf29ce484222325
	partSeed   = 0x84222325cbf29ce4
	pairFactor = 0x9e3779b97f4a7c15
	fnvPrime   = 0x100000001b3

	emptyDim = 7 // the direction of a text without features
)

// lengthWeights weighs a word by its runes.
var lengthWeights = [...]int64{0, 8, 10, 12, 14, 16, 17, 18, 19, 20}

// timesWeights weighs a word by its occurrences in the text: 64 (1 + log2 n), rounded.
var timesWeights = [...]int64{
	0, 64, 128, 165, 192, 213, 229, 244, 256, 267, 277, 285, 293, 301, 308, 314,
	320, 326, 331, 336, 341, 345, 349, 354, 357, 361, 365, 368, 372, 375, 378, 381,
	384, 387, 390, 392, 395, 397, 400, 402, 405, 407, 409, 411, 413, 415, 418, 419,
	421, 423, 425, 427, 429, 431, 432, 434, 436, 437, 439, 440, 442, 444, 445, 447,
}

// partDivisors keeps the parts of long words from outweighing them: about the square root of
// the number of parts of a word of so many runes.
var partDivisors = [...]int64{1, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7}

// at returns the i-th weight, the last for all beyond.
func at(table []int64, i int) int64 { return table[min(i, len(table)-1)] }

const functionWords = `
a an the and or but not no of to in on at by for from with without as is are was were be been being have has had do does did this
that these those it its he she they them their his her we our us you your i my me who which what when where why how can could may
might must shall should will would than then so such if into about over under between during after before also more most other
some any each all both only own same very there here out up down off again further once because while until against through above
below nor too just
`

func stopWords() map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(functionWords) {
		set[word] = true
	}
	return set
}
