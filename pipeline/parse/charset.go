package parse

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// sampleBytes is how much of a document the encoding heuristics look at.
const sampleBytes = 64 << 10

// bomOf returns the encoding that a byte order mark announces and the mark's length.
func bomOf(b []byte) (charset string, n int) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return "utf-8", 3
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE, 0, 0}) && len(b)%4 == 0:
		return "utf-32le", 4
	case bytes.HasPrefix(b, []byte{0, 0, 0xFE, 0xFF}):
		return "utf-32be", 4
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return "utf-16le", 2
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return "utf-16be", 2
	}
	return "", 0
}

// guessWide recognises UTF-16 and UTF-32 without a byte order mark: the reading under which
// nearly all characters are printable and some are ASCII. It is empty when none is.
func guessWide(content []byte) string {
	sample := content[:min(len(content), sampleBytes)&^3]
	if len(sample) == 0 {
		sample = content
	}
	if stray(sample) {
		return ""
	}
	best, bestASCII := "", 0
	for _, candidate := range []struct {
		charset string
		next    func([]byte) (rune, int)
	}{
		{"utf-32le", func(b []byte) (rune, int) { return rune32(b, false) }},
		{"utf-32be", func(b []byte) (rune, int) { return rune32(b, true) }},
		{"utf-16le", func(b []byte) (rune, int) { return rune16(b, false) }},
		{"utf-16be", func(b []byte) (rune, int) { return rune16(b, true) }},
	} {
		if ascii, ok := readable(sample, candidate.next); ok && ascii > bestASCII {
			best, bestASCII = candidate.charset, ascii
		}
	}
	return best
}

// stray reports whether the bytes are ASCII with some NULs in it. Two ASCII letters make a
// fine Chinese character, so this must be told apart: wide Latin text is half NULs, and wide
// text of other scripts has bytes beyond ASCII.
func stray(sample []byte) bool {
	nuls, ascii := 0, 0
	for _, c := range sample {
		switch {
		case c == 0:
			nuls++
		case c < utf8.RuneSelf:
			ascii++
		}
	}
	return nuls*4 < len(sample) && ascii*10 > (len(sample)-nuls)*9
}

// readable reports whether 19 of 20 characters are printable, and how many are ASCII.
func readable(sample []byte, next func([]byte) (rune, int)) (ascii int, ok bool) {
	total, good := 0, 0
	for i := 0; i < len(sample); {
		r, n := next(sample[i:])
		i += n
		total++
		if r == 0 {
			return 0, false
		}
		if r != utf8.RuneError && (unicode.IsPrint(r) || unicode.IsSpace(r)) {
			good++
			if r < utf8.RuneSelf {
				ascii++
			}
		}
	}
	return ascii, good*20 >= total*19
}

// tooManyControls reports whether more than one byte in fifty is a control character that
// text has no use for. Terminal logs (escape, backspace, bell) pass.
func tooManyControls(content []byte) bool {
	sample := content[:min(len(content), sampleBytes)]
	controls := 0
	for _, c := range sample {
		if c < ' ' && (c < '\a' || c > '\r') && c != 0x1B {
			controls++
		}
	}
	return controls*50 > len(sample)
}

// mostlyUTF8 reports whether the bytes are UTF-8 that was damaged (cut, or joined from two
// sources) rather than another encoding: two good sequences for each broken byte. In text of
// another encoding nearly all are broken.
func mostlyUTF8(content []byte) bool {
	good, broken := 0, 0
	for i := 0; i < len(content); {
		r, n := utf8.DecodeRune(content[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			broken++
		case n > 1:
			good++
		}
		i += n
	}
	return good >= 2*broken
}

// looksWestern reports whether bytes beyond ASCII are as rare among the letters as accents
// are in Western languages. In Cyrillic, Greek, Arabic or Asian text they are the rule.
func looksWestern(content []byte) bool {
	high, letters := 0, 0
	for _, c := range content {
		switch {
		case c >= utf8.RuneSelf:
			high++
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			letters++
		}
	}
	return high <= letters
}
