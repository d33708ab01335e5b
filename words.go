package lode

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SplitWords yields the words of a text as the full-text tests of a [Filter] see them, in
// order and with repetitions. A word is a run of letters and digits with the marks on them,
// folded to lower case. Where a script is written without spaces (Chinese characters, Kana,
// Thai, Lao, Khmer, Myanmar), every character is a word, so that any stretch of such a text is
// found as a phrase. Words are not stemmed, and accents count: text is expected in one
// normalised form.
func SplitWords(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word, rest := nextWord(s); word != ""; word, rest = nextWord(rest) {
			if !yield(foldWord(word)) {
				return
			}
		}
	}
}

// nextWord returns the first word of s as it is written, and what follows it.
func nextWord(s string) (word, rest string) {
	start := strings.IndexFunc(s, isWordRune)
	if start < 0 {
		return "", ""
	}
	s = s[start:]
	first, size := utf8.DecodeRuneInString(s)
	single := isUnspaced(first)
	for size < len(s) {
		r, n := utf8.DecodeRuneInString(s[size:])
		if !unicode.IsMark(r) && (single || !isWordRune(r) || isUnspaced(r)) {
			break
		}
		size += n
	}
	return s[:size], s[size:]
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

var unspacedScripts = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// isUnspaced reports whether a character is of a script without spaces; Thai is the first.
func isUnspaced(r rune) bool { return r >= '\u0E00' && unicode.In(r, unspacedScripts...) }

// foldRune makes the cases of a letter one, also where there are more than two of them.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

func foldWord(word string) string { return strings.Map(foldRune, word) }

// foldsTo reports whether a word as it is written is the folded one.
func foldsTo(word, folded string) bool {
	for _, r := range word {
		f, size := utf8.DecodeRuneInString(folded)
		if size == 0 || foldRune(r) != f {
			return false
		}
		folded = folded[size:]
	}
	return folded == ""
}

// MaxFilterWords is the largest number of words of a full-text test.
const MaxFilterWords = 64

// Words is the operand of a full-text test: a text with its words. It does not change.
type Words struct {
	text string
	list []string
}

// NewWords splits a text once for all the values that it is going to be compared with.
func NewWords(text string) *Words {
	return &Words{text: text, list: slices.Collect(SplitWords(text))}
}

// String returns the text.
func (w *Words) String() string { return w.text }

// List returns the words, in order of the text; do not modify it.
func (w *Words) List() []string { return w.list }

// Equal reports whether both are of the same text.
func (w *Words) Equal(v *Words) bool { return w == v || w != nil && v != nil && w.text == v.text }

func parseWords(b []byte) (*Words, error) {
	s, err := parseString(b)
	return NewWords(s), err
}

func (w *Words) validate(name string) *Error {
	if len(w.list) == 0 {
		return Invalid(name, w.text, "%s holds no word", name)
	}
	if len(w.list) > MaxFilterWords {
		return Invalid(name, len(w.list), "%s holds at most %d words", name, MaxFilterWords)
	}
	return nil
}

// allIn reports whether every word occurs in a text.
func (w *Words) allIn(s string) bool {
	var seen [MaxFilterWords]bool
	missing := len(w.list)
	for word, rest := nextWord(s); word != "" && missing > 0; word, rest = nextWord(rest) {
		for i, want := range w.list[:min(len(w.list), MaxFilterWords)] {
			if !seen[i] && foldsTo(word, want) {
				seen[i] = true
				missing--
			}
		}
	}
	return missing == 0
}

// anyIn reports whether one of the words occurs in a text.
func (w *Words) anyIn(s string) bool {
	for word, rest := nextWord(s); word != ""; word, rest = nextWord(rest) {
		for _, want := range w.list {
			if foldsTo(word, want) {
				return true
			}
		}
	}
	return false
}

// phraseIn reports whether the words occur in a text one after another.
func (w *Words) phraseIn(s string) bool {
	for word, rest := nextWord(s); word != ""; word, rest = nextWord(rest) {
		if w.begins(word, rest) {
			return true
		}
	}
	return false
}

func (w *Words) begins(word, rest string) bool {
	for _, want := range w.list {
		if !foldsTo(word, want) {
			return false
		}
		word, rest = nextWord(rest)
	}
	return true
}
