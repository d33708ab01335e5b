package retrieval

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/clipperhouse/uax29/v2/words"

	"github.com/lodedb/lode"
)

// separator stands between passages.
const separator = "\n\n"

// How much of a header its parts may take, in bytes; the citation holds them whole.
const (
	maxLabelBytes  = 200
	maxSourceBytes = 300
)

// header returns the line above a passage: "[1] Title > Path (uri, p. 3)".
func header(number int, row *lode.Row) string {
	label := row.Chunk.Path
	if title := row.Version.Title; title != "" && (len(label) == 0 || label[0] != title) {
		label = append([]string{title}, label...)
	}
	name := oneLine(strings.Join(label, " > "), maxLabelBytes)
	source := row.Version.URI
	if source == "" {
		source = string(row.Document.ID)
	}
	source = oneLine(source, maxSourceBytes)
	if row.Chunk.Page > 0 {
		source += fmt.Sprintf(", p. %d", row.Chunk.Page)
	}
	if name == "" {
		return fmt.Sprintf("[%d] %s", number, source)
	}
	return fmt.Sprintf("[%d] %s (%s)", number, name, source)
}

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
		i := strings.IndexFunc(text, isBreak)
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

// cuts lists where text may end at or before limit, best first: behind the last sentence,
// unless that gives away more than half; then behind words, and behind runes where the
// first word is longer than the limit.
func cuts(text string, limit int) []int {
	const lookAhead = 256 // so that the boundary after the limit is seen as it is
	window := text[:runeStart(text, min(len(text), limit+lookAhead))]
	var out []int
	if end := lastSentence(window, limit); 2*end >= limit {
		out = append(out, end)
	}
	ends := wordEnds(window, limit)
	if len(ends) == 0 {
		ends = runeEnds(window, limit)
	}
	slices.Reverse(ends)
	return append(out, ends...)
}

func lastSentence(text string, limit int) int {
	end, last := 0, 0
	for it := sentences.FromString(text); it.Next(); {
		if end += len(it.Value()); end > limit {
			break
		}
		last = end
	}
	return len(strings.TrimRightFunc(text[:last], isBreakOrSpace))
}

// wordEnds returns the ends of words and punctuation within the limit, ascending.
func wordEnds(text string, limit int) []int {
	var ends []int
	end := 0
	for it := words.FromString(text); it.Next(); {
		word := it.Value()
		if end += len(word); end > limit {
			break
		}
		if strings.TrimFunc(word, isBreakOrSpace) != "" {
			ends = append(ends, end)
		}
	}
	return ends
}

func runeEnds(text string, limit int) []int {
	var ends []int
	for i := range text {
		if i > 0 && i <= limit {
			ends = append(ends, i)
		}
	}
	return ends
}

// runeStart moves i back to the start of a rune.
func runeStart(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// nextRune returns where the rune after the one at i begins.
func nextRune(s string, i int) int {
	_, size := utf8.DecodeRuneInString(s[i:])
	return i + size
}
