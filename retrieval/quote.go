package retrieval

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// separator stands between passages.
const separator = "\n\n"

// oneLine makes white space, control and format characters to single spaces and cuts the
// result: what stands in a header cannot begin a line or turn the writing around.
func oneLine(s string, maxBytes int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.C, unicode.Z)
	}), " ")
	if len(s) <= maxBytes {
		return s
	}
	return s[:runeStart(s, maxBytes)] + "…"
}

// quote marks every line of a document's text, so that no line of it can pass for a
// header or for the end of the passage. Line ends of every kind become line feeds.
func quote(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/16 + 2)
	for i, line := range lines(text) {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteByte('>')
		if line != "" {
			b.WriteByte(' ')
			b.WriteString(line)
		}
	}
	return b.String()
}

// lines splits text where any reader may see a new line.
func lines(text string) []string {
	var out []string
	for {
		i := breakIn(text)
		if i < 0 {
			return append(out, text)
		}
		out = append(out, text[:i])
		r, size := utf8.DecodeRuneInString(text[i:])
		if text = text[i+size:]; r == '\r' {
			text = strings.TrimPrefix(text, "\n")
		}
	}
}

// breakIn is where the first break of a text is, -1 where there is none. It looks at bytes: control
// characters, and what breaks of two and three bytes begin with.
func breakIn(text string) int {
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != 0xC2 && c != 0xE2 {
			continue
		}
		if r, _ := utf8.DecodeRuneInString(text[i:]); isBreak(r) {
			return i
		}
	}
	return -1
}

// isBreak reports whether r ends a line: the mandatory breaks of Unicode (UAX #14) and the
// information separators that some programs take for them.
func isBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029', '\x1c', '\x1d', '\x1e':
		return true
	}
	return false
}

func isBreakOrSpace(r rune) bool { return isBreak(r) || unicode.IsSpace(r) }

func isBlank(s string) bool { return strings.TrimRightFunc(s, isBreakOrSpace) == "" }
