package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// leastPartRunes is the least size of a part of a compound.
const leastPartRunes = 2

// expander makes the terms of a word. It holds what the libraries want to be given again
// and again, and serves one goroutine.
type expander struct {
	rules *rules
	fold  cases.Caser
	env   *snowballstem.Env
}

func newExpander(r *rules) expander {
	return expander{rules: r, fold: cases.Fold(), env: snowballstem.NewEnv("")}
}

// expansion is what a word becomes. It takes width positions, one at least.
type expansion struct {
	pieces []piece
	width  uint32
}

// piece is a term of a word; offset counts positions from the word's first.
type piece struct {
	term     string
	offset   uint32
	compound bool // its parts follow
}

// expand makes the terms of a word: its own first, then where it is a compound those of its
// parts.
func (x *expander) expand(word string) expansion {
	word = strings.TrimFunc(visible(word), isConnector)
	e := expansion{width: 1}
	if number, ok := thousands(word); ok {
		e.pieces = append(e.pieces, piece{term: cut(number)})
		return e
	}
	x.piece(&e, word, 0)
	if number, ok := versionNumber(word); ok {
		x.piece(&e, number, 0)
		e.compounds(0, 1)
		return e
	}
	at := uint32(0)
	whole := len(e.pieces)
	for part := range strings.FieldsFuncSeq(word, isConnector) {
		at = x.part(&e, word, part, at)
	}
	e.width = max(at, 1)
	e.compounds(0, whole)
	return e
}

// part appends the terms of a part of a word from a position on, and returns the one after it.
func (x *expander) part(e *expansion, word, part string, at uint32) uint32 {
	humps := cutHumps(part)
	before := len(e.pieces)
	if part != word && isPart(part) {
		x.piece(e, part, at)
		if len(humps) == 0 {
			return at + 1
		}
	}
	own := len(e.pieces)
	for _, hump := range humps {
		x.piece(e, hump, at)
		at++
	}
	e.compounds(before, own)
	return at
}

// compounds marks pieces as compounds if others follow them.
func (e *expansion) compounds(from, to int) {
	for i := from; i < to && to < len(e.pieces); i++ {
		e.pieces[i].compound = true
	}
}

// piece appends the term of a word or part, if it has one.
func (x *expander) piece(e *expansion, word string, offset uint32) {
	word = x.folded(word)
	if x.rules.possessive {
		word = strings.TrimSuffix(word, "'s")
	}
	if before, after, ok := strings.Cut(word, "'"); ok && x.rules.elided[before] {
		word = after
	}
	if word == "" || x.rules.stops[word] {
		return
	}
	e.pieces = append(e.pieces, piece{term: x.stemmed(cut(word)), offset: offset})
}

func (x *expander) folded(word string) string {
	if isASCII(word) {
		return strings.ToLower(word)
	}
	word = strings.ReplaceAll(word, "\u2019", "'")
	return norm.NFKC.String(x.fold.String(word)) // folding may undo the form
}

func (x *expander) stemmed(word string) string {
	if x.rules.stem == nil || !x.stems(word) {
		return word
	}
	x.env.SetCurrent(word)
	x.rules.stem(x.env)
	if stem := x.env.Current(); stem != "" {
		return cut(stem)
	}
	return word
}

// stems reports whether a word is one that the language's stemmer is for: of letters alone.
func (x *expander) stems(word string) bool {
	if !x.rules.ascii {
		return !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && !unicode.IsMark(r) })
	}
	for i := range len(word) {
		if c := word[i]; (c < 'a' || c > 'z') && c != '\'' {
			return false
		}
	}
	return true
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
