package text

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Token is a term with its place in the text. Several tokens may stand at one place: a
// compound and its first part do.
type Token struct {
	Term string
	// Position counts words and parts of words from 0, those without a term too, so that terms
	// of neighbouring words have neighbouring positions.
	Position uint32
	// Start and End are the bytes of the text that the whole word takes, or the pair of
	// characters. Every part of a compound has the bytes of all of it.
	Start, End int
	// Compound says that other tokens stand for the parts of this one. A phrase is made of
	// tokens that are not compounds, so that "http handler" is found in http.Handler.
	Compound bool
}

// Tokens appends the tokens of s to dst: their terms are those of [Analyzer.Terms], in the
// same order. They do not share memory with s.
func (a *Analyzer) Tokens(dst []Token, s string) []Token {
	begin := len(dst)
	n := normal(s)
	sc := a.take()
	dst = append(dst, sc.tokens(n)...)
	a.give(sc)
	if n != s {
		place(dst[begin:], s)
	}
	return dst
}

// place moves the tokens of the normal form of s to where they are in s itself.
func place(tokens []Token, s string) {
	from := origins(s)
	for i := range tokens {
		t := &tokens[i]
		end := t.End
		for end < len(from)-1 && from[end] == from[end-1] {
			end++ // inside of what one stretch of s became
		}
		t.Start, t.End = int(from[t.Start]), int(from[end])
	}
}

// origins says for every byte of the normal form of s, and for its end, where in s the
// shortest stretch begins that it was made of.
func origins(s string) []uint32 {
	valid, at := validOrigins(s)
	from := make([]uint32, 0, len(valid)+1)
	var iter norm.Iter
	for iter.InitString(norm.NFKC, valid); !iter.Done(); {
		start := iter.Pos()
		for range len(iter.Next()) {
			from = append(from, at[start])
		}
	}
	return append(from, uint32(len(s)))
}

// validOrigins is strings.ToValidUTF8 that tells where each byte comes from.
func validOrigins(s string) (valid string, at []uint32) {
	var b strings.Builder
	invalid := false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		bad := r == utf8.RuneError && size == 1
		if !bad || !invalid {
			for range utf8.RuneLen(r) {
				at = append(at, uint32(i))
			}
			b.WriteRune(r)
		}
		invalid = bad
		i += size
	}
	return b.String(), append(at, uint32(len(s)))
}

// Prefix returns what terms of words that begin with s begin with, if their stems do: s in normal
// form and folded, not stemmed.
func (a *Analyzer) Prefix(s string) string {
	sc := a.take()
	defer a.give(sc)
	return cut(sc.expander.folded(visible(normal(s))))
}
