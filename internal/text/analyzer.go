package text

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/unicode/norm"
)

// Version names the rules of English, and those that are the same for all languages. It is part of the fingerprint of everything made with them.
const Version = "english-1"

// MaxTermBytes is the longest term; longer ones are cut at a character.
const MaxTermBytes = 64

const (
	maxCachedWords = 1 << 15 // of a scratch; the words of a language that matter fit
	maxCachedBytes = 32      // of a cached word; longer ones hardly come again
)

// Analyzer turns texts into terms. The zero value is that of English; see [For]. It may be used by
// any number of goroutines at once, and must not be copied after first use.
type Analyzer struct {
	rules     *rules    // nil: those of English
	scratches sync.Pool // of *scratch
}

// Terms appends the terms of s to dst, in order of the text, with repetitions. They do not
// share memory with s.
func (a *Analyzer) Terms(dst []string, s string) []string {
	sc := a.take()
	for _, t := range sc.tokens(normal(s)) {
		dst = append(dst, t.Term)
	}
	a.give(sc)
	return dst
}

func (a *Analyzer) take() *scratch {
	sc, _ := a.scratches.Get().(*scratch)
	if sc == nil {
		sc = newScratch(a.language())
	}
	return sc
}

// give puts a scratch back. The terms of its tokens are freed with its cache.
func (a *Analyzer) give(sc *scratch) {
	clear(sc.out)
	a.scratches.Put(sc)
}

// normal returns s as valid UTF-8 in form NFKC.
func normal(s string) string {
	if isASCII(s) {
		return s
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if norm.NFKC.IsNormalString(s) {
		return s
	}
	return norm.NFKC.String(s)
}

// scratch is what one call works with. Words are looked up as they stand in the text, so
// that a word seen before costs no allocation and no stemming.
type scratch struct {
	words    *words.Iterator[string]
	cache    map[string]expansion
	expander expander
	out      []Token
	position uint32 // of the next word
}

func newScratch(r *rules) *scratch {
	return &scratch{words: words.FromString(""), cache: make(map[string]expansion), expander: newExpander(r)}
}

// tokens returns the tokens of a text in normal form, until the next call.
func (sc *scratch) tokens(s string) []Token {
	sc.out, sc.position = sc.out[:0], 0
	sc.words.SetText(s)
	var start, end int // of the run of characters without spaces that is being read
	for sc.words.Next() {
		for at, rest := sc.words.Start(), sc.words.Value(); rest != ""; {
			size, kind := cutScript(rest)
			piece := rest[:size]
			if kind == unspaced {
				if end != at {
					sc.pairs(s, start, end)
					start = at
				}
				end = at + size
			} else if kind == spaced {
				sc.pairs(s, start, end)
				start, end = 0, 0
				sc.word(piece, at)
				sc.languageName(piece, s[at+size:], at)
			}
			at, rest = at+size, rest[size:]
		}
	}
	sc.words.SetText("") // the pool must not keep documents
	sc.pairs(s, start, end)
	return sc.out
}

// word appends the tokens of a word that begins at a byte.
func (sc *scratch) word(word string, at int) {
	e := sc.expand(word)
	for _, p := range e.pieces {
		sc.out = append(sc.out, Token{
			Term: p.term, Position: sc.position + p.offset, Start: at, End: at + len(word), Compound: p.compound,
		})
	}
	sc.position += e.width
}

func (sc *scratch) expand(word string) expansion {
	if e, ok := sc.cache[word]; ok {
		return e
	}
	word = strings.Clone(word) // terms may be parts of it
	e := sc.expander.expand(word)
	if len(word) > maxCachedBytes {
		return e
	}
	if len(sc.cache) >= maxCachedWords {
		clear(sc.cache)
	}
	sc.cache[word] = e
	return e
}

// languageName appends the name that a word and the symbols after it are, at the word's place.
func (sc *scratch) languageName(word, after string, at int) {
	if name := languageName(word, after); name != "" {
		end := at + len(name) // folding keeps the length of English letters
		sc.out = append(sc.out, Token{Term: name, Position: sc.position - 1, Start: at, End: end})
	}
}

// pairs appends the overlapping pairs of characters of a run, or its only character.
func (sc *scratch) pairs(s string, start, end int) {
	if start == end {
		return
	}
	run := strings.Clone(s[start:end]) // the pairs share one copy and do not hold the document
	_, first := utf8.DecodeRuneInString(run)
	if first == len(run) {
		sc.pair(run, start)
		return
	}
	for first < len(run) {
		_, second := utf8.DecodeRuneInString(run[first:])
		sc.pair(run[:first+second], start)
		start += first
		run, first = run[first:], second
	}
}

func (sc *scratch) pair(term string, at int) {
	sc.out = append(sc.out, Token{Term: term, Position: sc.position, Start: at, End: at + len(term)})
	sc.position++
}
