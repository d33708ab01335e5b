package text

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/unicode/norm"
)

// Version names the rules. It is part of the fingerprint of everything made with them.
const Version = "english-1"

// MaxTermBytes is the longest term; longer ones are cut at a character.
const MaxTermBytes = 64

const (
	maxCachedWords = 1 << 15 // of a scratch; the words of a language that matter fit
	maxCachedBytes = 32      // of a cached word; longer ones hardly come again
)

// Analyzer turns texts into terms. The zero value is ready. It may be used by any number of
// goroutines at once, and must not be copied after first use.
type Analyzer struct {
	scratches sync.Pool // of *scratch
}

// Terms appends the terms of s to dst, in order of the text, with repetitions. They do not
// share memory with s.
func (a *Analyzer) Terms(dst []string, s string) []string {
	s = normal(s)
	sc, _ := a.scratches.Get().(*scratch)
	if sc == nil {
		sc = newScratch()
	}
	dst = sc.terms(dst, s)
	a.scratches.Put(sc)
	return dst
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
	cache    map[string][]string
	expander expander
}

func newScratch() *scratch {
	return &scratch{words: words.FromString(""), cache: make(map[string][]string), expander: newExpander()}
}

func (sc *scratch) terms(dst []string, s string) []string {
	sc.words.SetText(s)
	var start, end int // of the run of characters without spaces that is being read
	for sc.words.Next() {
		for at, rest := sc.words.Start(), sc.words.Value(); rest != ""; {
			size, kind := cutScript(rest)
			piece := rest[:size]
			if kind == unspaced {
				if end != at {
					dst = appendPairs(dst, s[start:end])
					start = at
				}
				end = at + size
			} else if kind == spaced {
				dst = appendPairs(dst, s[start:end])
				start, end = 0, 0
				dst = sc.word(dst, piece)
				dst = appendLanguageName(dst, piece, s[at+size:])
			}
			at, rest = at+size, rest[size:]
		}
	}
	sc.words.SetText("") // the pool must not keep documents
	return appendPairs(dst, s[start:end])
}

// word appends the terms of one word.
func (sc *scratch) word(dst []string, word string) []string {
	if terms, ok := sc.cache[word]; ok {
		return append(dst, terms...)
	}
	word = strings.Clone(word) // terms may be parts of it
	if len(word) > maxCachedBytes {
		return sc.expander.expand(dst, word)
	}
	terms := sc.expander.expand(nil, word)
	if len(sc.cache) >= maxCachedWords {
		clear(sc.cache)
	}
	sc.cache[word] = terms
	return append(dst, terms...)
}
