package parse

import (
	"html"
	"strings"
)

// maxEntityBytes is longer than the longest entity of HTML.
const maxEntityBytes = 40

// Entity returns what the character reference at the start of text (which begins with "&")
// stands for and its length, or 0 where there is none. As in browsers a few old names work
// without semicolon.
func Entity(text []byte) (decoded string, n int) {
	window := text[:min(len(text), maxEntityBytes)]
	end := 1
	for end < len(window) && (isNameByte(window[end]) || (window[end] == '#' && end == 1)) {
		end++
	}
	if end < len(window) && window[end] == ';' {
		end++
	}
	raw := string(window[:end])
	decoded = html.UnescapeString(raw)
	if decoded == raw {
		return "", 0
	}
	// Without semicolon only a prefix may have been a name: the rest stands for itself.
	if rest := commonSuffix(raw, decoded); !strings.HasSuffix(raw, ";") && rest > 0 {
		return strings.ReplaceAll(decoded[:len(decoded)-rest], "\x00", "\uFFFD"), len(raw) - rest
	}
	return strings.ReplaceAll(decoded, "\x00", "\uFFFD"), len(raw)
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func commonSuffix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
