package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind says how a stretch of text is treated.
type kind int

const (
	noWord   kind = iota // white space, punctuation, symbols
	spaced               // a word
	unspaced             // characters of a script that is written without spaces
)

// unspacedScripts are cut into pairs. Korean has spaces, but its words carry endings; pairs
// find the stem inside.
var unspacedScripts = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// firstUnspaced is the smallest character of these scripts (Thai begins there).
const firstUnspaced = '\u0E00'

// longVowel is shared by the two Japanese syllabaries, so Unicode has it in neither.
const longVowel = '\u30FC'

// cutScript returns the length and kind of the stretch of one kind that piece, which is
// what Unicode sees as one word or as something between words, begins with. It is all of
// piece but where Korean follows another script or is followed by one.
func cutScript(piece string) (size int, k kind) {
	for i, r := range piece {
		now := kindOf(r)
		switch {
		case now == noWord: // an accent, an underscore, a full stop: goes with its neighbours
		case k == noWord:
			k = now
		case k != now:
			return i, k
		}
	}
	return len(piece), k
}

func kindOf(r rune) kind {
	switch {
	case r >= firstUnspaced && isUnspaced(r):
		return unspaced
	case isAlphanumeric(r):
		return spaced
	}
	return noWord
}

func isUnspaced(r rune) bool {
	if r == longVowel {
		return true
	}
	return (unicode.IsLetter(r) || unicode.IsMark(r)) && unicode.In(r, unspacedScripts...)
}

func isAlphanumeric(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// languageName returns the name that a short word and the symbols after it are, if they are
// one: C++, C#. Unicode sees symbols there, and C alone is another language.
func languageName(word, after string) string {
	const longest = 2
	if len(word) > longest || after == "" || after[0] != '+' && after[0] != '#' {
		return ""
	}
	symbols := "#"
	if after[0] == '+' {
		symbols = "++"
	}
	after, found := strings.CutPrefix(after, symbols)
	next, _ := utf8.DecodeRuneInString(after)
	if !found || !isASCIILetters(word) || isAlphanumeric(next) {
		return ""
	}
	return strings.ToLower(word) + symbols
}

func isASCIILetters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}
