package builtin

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord bounds a word in bytes; the rest of a longer run is another word.
const maxWord = 64

// words calls yield for each word of the text, folded: lower case, compatibility forms
// resolved, accents dropped. alone tells a character of a script that is written without
// spaces, or a symbol, which is a word by itself. The bytes are valid until yield returns.
// The memory of buf is used, and returned with what was added to it.
func words(text string, buf []byte, yield func(word []byte, alone bool)) []byte {
	w := folder{word: buf[:0], yield: yield}
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			w.ascii(c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		w.rune(r)
		i += size
	}
	w.flush(false)
	return w.word
}

// folder gathers a word.
type folder struct {
	word  []byte
	yield func(word []byte, alone bool)
}

func (w *folder) flush(alone bool) {
	if len(w.word) > 0 {
		w.yield(w.word, alone)
		w.word = w.word[:0]
	}
}

func (w *folder) ascii(c byte) {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		w.grow(append(w.word, c))
	case 'A' <= c && c <= 'Z':
		w.grow(append(w.word, c|0x20))
	case c == '\'': // don't, it's: one word
	default:
		w.flush(false)
	}
}

func (w *folder) rune(r rune) {
	switch kind(r) {
	case joins:
		w.grow(fold(w.word, r))
	case alone:
		w.flush(false)
		w.word = fold(w.word, r)
		w.flush(true)
	case parts:
		w.flush(false)
	}
}

// grow sets the word, and ends it when it is too long.
func (w *folder) grow(word []byte) {
	w.word = word
	if len(word) >= maxWord {
		w.flush(false)
	}
}

// wordKind is what a rune does to words.
type wordKind uint8

const (
	parts   wordKind = iota // ends the word
	joins                   // belongs to the word
	alone                   // is a word
	ignored                 // as if it were not there
)

func kind(r rune) wordKind {
	switch {
	case r == utf8.RuneError:
		return parts
	case r == '’' || r == '\u00ad': // apostrophe, soft hyphen
		return ignored
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return alone
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return joins
	case unicode.IsMark(r), unicode.Is(unicode.Cf, r):
		return ignored
	case unicode.Is(unicode.So, r):
		return alone
	}
	return parts
}

// fold appends the folded form of a letter or number: its compatibility decomposition without
// marks, in lower case.
func fold(word []byte, r rune) []byte {
	var raw, decomposed [utf8.UTFMax * 20]byte
	n := utf8.EncodeRune(raw[:], r)
	for rest := norm.NFKD.Append(decomposed[:0], raw[:n]...); len(rest) > 0; {
		d, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if !unicode.IsMark(d) {
			word = utf8.AppendRune(word, unicode.ToLower(d))
		}
	}
	return word
}
