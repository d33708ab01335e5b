package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteRunes are the characters that stand for bytes: printable ones for themselves, others for
// those from U+0100 on.
var byteRunes = func() (table [256]string) {
	next := rune(256)
	for b := range rune(256) {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE && b <= 0xFF {
			table[b] = string(b)
			continue
		}
		table[b] = string(next)
		next++
	}
	return table
}()

func toByteRunes(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/4)
	for i := range len(text) {
		b.WriteString(byteRunes[text[i]])
	}
	return b.String()
}

// byteLevel cuts text as GPT-2 does and writes its bytes as characters.
func byteLevel(addSpace, cutWords bool) splitter {
	return func(words []string, _ bool) (out []string) {
		for _, word := range words {
			if addSpace && !strings.HasPrefix(word, " ") {
				word = " " + word
			}
			if !cutWords {
				out = append(out, toByteRunes(word))
				continue
			}
			for word != "" {
				n := gpt2Word(word)
				out = append(out, toByteRunes(word[:n]))
				word = word[n:]
			}
		}
		return out
	}
}

// gpt2Word returns how long the first match is of
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// which looks ahead and so is no expression of package regexp.
func gpt2Word(text string) int {
	for _, ending := range []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
		if strings.HasPrefix(text, ending) {
			return len(ending)
		}
	}
	after := strings.TrimPrefix(text, " ")
	if after != "" {
		r, _ := utf8.DecodeRuneInString(after)
		if kind := gpt2Kind(r); kind != 's' {
			return len(text) - len(after) + runOf(after, kind)
		}
	}
	n := runOf(text, 's')
	if n == len(text) {
		return n
	}
	// The last of several spaces belongs to the word behind.
	_, width := utf8.DecodeLastRuneInString(text[:n])
	if n > width {
		return n - width
	}
	return n
}

func gpt2Kind(r rune) byte {
	switch {
	case unicode.IsSpace(r):
		return 's'
	case unicode.IsLetter(r):
		return 'l'
	case unicode.IsNumber(r):
		return 'n'
	}
	return 'o'
}

// runOf returns how many bytes of a kind a text begins with.
func runOf(text string, kind byte) int {
	for i, r := range text {
		if gpt2Kind(r) != kind {
			return i
		}
	}
	return len(text)
}
