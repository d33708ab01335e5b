package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// leastPartRunes is the least size of a part of a compound.
const leastPartRunes = 2

// expander makes the terms of a word. It holds what the libraries want to be given again
// and again, and serves one goroutine.
type expander struct {
	fold cases.Caser
	env  *snowballstem.Env
}

func newExpander() expander {
	return expander{fold: cases.Fold(), env: snowballstem.NewEnv("")}
}

// expand appends the terms of a word: its own first, then where it is a compound those of
// its parts.
func (x *expander) expand(dst []string, word string) []string {
	word = strings.TrimFunc(visible(word), isConnector)
	if number, ok := thousands(word); ok {
		return append(dst, cut(number))
	}
	dst = x.term(dst, word)
	if number, ok := versionNumber(word); ok {
		return x.term(dst, number)
	}
	for part := range strings.FieldsFuncSeq(word, isConnector) {
		if part != word && isPart(part) {
			dst = x.term(dst, part)
		}
		if humps := cutHumps(part); len(humps) > 1 {
			for _, hump := range humps {
				dst = x.term(dst, hump)
			}
		}
	}
	return dst
}

// term appends the term of a word or part, if it has one.
func (x *expander) term(dst []string, word string) []string {
	word = strings.TrimSuffix(x.folded(word), "'s")
	if word == "" || isStopWord(word) {
		return dst
	}
	return append(dst, x.stemmed(cut(word)))
}

func (x *expander) folded(word string) string {
	if isASCII(word) {
		return strings.ToLower(word)
	}
	word = strings.ReplaceAll(word, "\u2019", "'")
	return norm.NFKC.String(x.fold.String(word)) // folding may undo the form
}

func (x *expander) stemmed(word string) string {
	for i := range len(word) {
		if c := word[i]; (c < 'a' || c > 'z') && c != '\'' {
			return word
		}
	}
	x.env.SetCurrent(word)
	english.Stem(x.env)
	if stem := x.env.Current(); stem != "" {
		return stem
	}
	return word
}

// visible returns the word without characters that only say how it is shown: soft hyphens,
// joiners, marks of direction.
func visible(word string) string {
	if isASCII(word) {
		return word
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, word)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cut shortens a term to MaxTermBytes, at a character.
func cut(word string) string {
	if len(word) <= MaxTermBytes {
		return word
	}
	end := MaxTermBytes
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}
