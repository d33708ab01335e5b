package train

import (
	"slices"
	"strings"

	"github.com/lodedb/lode/internal/text"
)

// functionWords are no content: two texts that share only these share nothing.
const functionWords = `
a an the and or but not no of to in on at by for from with without as is are was were be been being have has had do does did this
that these those it its he she they them their his her we our us you your i my me who whom which what when where why how can could
may might must shall should will would than then so such if into about over under between during after before also more most other
some any each all both only own same very there here out up down off again further once because while until against through above
below nor too just one ones still now yet always never many another whether itself s t don ll re ve d m let cannot
`

// suffixes are cut from a word, the first that leaves three letters.
var suffixes = strings.Fields(`ization ational fulness iveness ousness ations ation ingly ments ment ities ness ings ing edly
able ible ance ence ers ies ity ion ive ize ise ful ous est ed er es ly al ic y e s`)

var notContent = func() map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(functionWords) {
		set[w] = true
	}
	return set
}()

// ContentStems returns the stems of the words of a text that carry content: six letters after a
// suffix is cut. It errs on the side of finding texts alike: "general" and "generous" share a stem.
func ContentStems(s string) map[string]bool {
	stems := map[string]bool{}
	for _, word := range asciiWords(s) {
		if len(word) > 1 && !notContent[word] {
			stems[contentStem(word)] = true
		}
	}
	return stems
}

// Overlap returns the content stems that two texts share, in order.
func Overlap(a, b string) []string {
	var shared []string
	other := ContentStems(b)
	for stem := range ContentStems(a) {
		if other[stem] {
			shared = append(shared, stem)
		}
	}
	slices.Sort(shared)
	return shared
}

// SharesTerm reports whether two texts share a term of the product's lexical index that carries
// content. Its stemmer and [ContentStems] miss different pairs.
func SharesTerm(a, b string) bool {
	var analyzer text.Analyzer
	terms := map[string]bool{}
	for _, term := range analyzer.Terms(nil, a) {
		terms[term] = !notContent[term]
	}
	for _, term := range analyzer.Terms(nil, b) {
		if terms[term] {
			return true
		}
	}
	return false
}

func contentStem(word string) string {
	for _, s := range suffixes {
		if strings.HasSuffix(word, s) && len(word)-len(s) >= 3 {
			word = strings.TrimSuffix(word, s)
			break
		}
	}
	return word[:min(6, len(word))]
}

// asciiWords cuts a text into runs of letters and runs of digits, in lower case.
func asciiWords(s string) []string {
	s = strings.ToLower(s)
	var words []string
	start, class := 0, 0
	for i := 0; i <= len(s); i++ {
		now := 0
		if i < len(s) {
			now = asciiClass(s[i])
		}
		if now != class {
			if class != 0 {
				words = append(words, s[start:i])
			}
			start, class = i, now
		}
	}
	return words
}

func asciiClass(c byte) int {
	switch {
	case 'a' <= c && c <= 'z':
		return 1
	case '0' <= c && c <= '9':
		return 2
	}
	return 0
}
