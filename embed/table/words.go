package table

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxWordRunes bounds a word; the rest of a longer run is passed over.
const MaxWordRunes = 24

// maxWordBytes holds a word of the longest runes.
const maxWordBytes = MaxWordRunes * utf8.UTFMax

// Reader cuts texts into words. It is scratch memory, for one goroutine at a time.
type Reader struct {
	word  []byte
	runes int
	class class
	last  []byte // the character before, of a script without spaces
	raw   []byte // the character at hand
	yield func(word []byte)
}

// NewReader returns a reader that calls yield for each word of a text, folded as the package
// comment says. The bytes are valid until yield returns.
func NewReader(yield func(word []byte)) *Reader {
	return &Reader{word: make([]byte, 0, 2*maxWordBytes), last: make([]byte, 0, utf8.UTFMax), yield: yield}
}

// class is what a character does to words.
type class uint8

const (
	parts   class = iota // ends the word
	letters              // Latin letters go together,
	digits               // and digits,
	foreign              // and letters of other scripts that write spaces
	alone                // is a word
	ignored              // as if it were not there
)

// Read cuts a text. Bytes that are not UTF-8 end a word.
func (r *Reader) Read(text string) {
	r.reset()
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			r.ascii(c)
			i++
			continue
		}
		char, size := utf8.DecodeRuneInString(text[i:])
		r.rune(char)
		i += size
	}
	r.end()
}

func (r *Reader) reset() {
	r.word, r.last, r.runes, r.class = r.word[:0], r.last[:0], 0, parts
}

// ascii is the way of most bytes: a table tells what they are, folded.
func (r *Reader) ascii(c byte) {
	folded := asciiFold[c]
	switch now := asciiClass[c]; {
	case now == parts:
		r.end()
		r.last = r.last[:0]
	case now == r.class && r.runes < MaxWordRunes:
		r.word = append(r.word, folded)
		r.runes++
	default:
		r.add(now, rune(folded))
	}
}

// add appends a character of a class to the word, or begins another.
func (r *Reader) add(now class, char rune) {
	if now != r.class {
		r.end()
		r.last = r.last[:0]
		r.class = now
	}
	if r.runes < MaxWordRunes {
		r.word = utf8.AppendRune(r.word, char)
		r.runes++
	}
}

// end hands the word over.
func (r *Reader) end() {
	if r.runes > 0 {
		if r.class == letters {
			r.word = singular(r.word)
		}
		r.yield(r.word)
	}
	r.word, r.runes, r.class = r.word[:0], 0, parts
}

// rune takes a character beyond ASCII.
func (r *Reader) rune(char rune) {
	switch kind(char) {
	case letters, digits, foreign:
		r.decomposed(char)
	case alone:
		r.single(char)
	case parts:
		r.end()
		r.last = r.last[:0]
	}
}

// single hands over a character that stands alone, and the pair with the one before.
func (r *Reader) single(char rune) {
	r.end()
	r.word = utf8.AppendRune(r.word[:0], char)
	r.yield(r.word)
	if len(r.last) > 0 {
		r.word = utf8.AppendRune(append(r.word[:0], r.last...), char)
		r.yield(r.word)
	}
	r.last = utf8.AppendRune(r.last[:0], char)
	r.word = r.word[:0]
}

// decomposed takes a letter or digit in pieces: its compatibility decomposition without marks, in
// lower case, with the Latin letters that Unicode does not decompose spelled out. Korean syllables
// stay whole.
func (r *Reader) decomposed(char rune) {
	r.raw = utf8.AppendRune(r.raw[:0], char)
	rest := norm.NFKD.Properties(r.raw).Decomposition()
	if rest == nil {
		rest = r.raw
	}
	for len(rest) > 0 {
		d, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		d = unicode.ToLower(d)
		switch spelled := spelling(d); {
		case spelled != "":
			for _, c := range spelled {
				r.add(letters, c)
			}
		case d < utf8.RuneSelf && asciiClass[d] != parts:
			r.add(asciiClass[d], d)
		case unicode.IsLetter(d), unicode.IsNumber(d):
			r.add(foreign, d)
		}
	}
}

// spelling spells Latin letters that have no decomposition; it is empty for all others.
func spelling(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ı':
		return "i"
	}
	return ""
}

// kind is a part of the model and frozen with it, as the rules of hash-v1 are with that.
func kind(r rune) class {
	switch {
	case r == utf8.RuneError:
		return parts
	case r == '\u00ad': // soft hyphen
		return ignored
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return alone
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return letters
	case unicode.IsMark(r), unicode.Is(unicode.Cf, r):
		return ignored
	case unicode.Is(unicode.So, r):
		return alone
	}
	return parts
}

// asciiClass and asciiFold tell of each ASCII character what it is and its lower case.
var asciiClass, asciiFold = func() (classes [utf8.RuneSelf]class, fold [utf8.RuneSelf]byte) {
	for c := range byte(utf8.RuneSelf) {
		fold[c] = c
		switch {
		case 'a' <= c && c <= 'z':
			classes[c] = letters
		case 'A' <= c && c <= 'Z':
			classes[c], fold[c] = letters, c|0x20
		case '0' <= c && c <= '9':
			classes[c] = digits
		}
	}
	return classes, fold
}()

// singular folds the plural of an English word of lower-case letters, in place: "mines" is
// "mine", "ladies" is "lady", "boxes" is "box". It is a rule of spelling, not of grammar; what
// counts is that a word and its plural meet.
func singular(w []byte) []byte {
	n := len(w)
	if n < 4 || w[n-1] != 's' {
		return w
	}
	if n > 4 && w[n-2] == 'e' {
		switch before := w[n-3]; {
		case before == 'i':
			return append(w[:n-3], 'y')
		case before == 'x', before == 'z', (before == 's' || before == 'h') && hisses(w[n-4], before):
			return w[:n-2]
		}
	}
	switch w[n-2] {
	case 's', 'u', 'i':
		return w
	}
	return w[:n-1]
}

// hisses tells sses, shes and ches from the likes of "horses" and "clothes".
func hisses(a, b byte) bool {
	return b == 's' && a == 's' || b == 'h' && (a == 's' || a == 'c')
}
