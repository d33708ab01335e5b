package retrieval

import (
	"github.com/lodedb/lode/internal/tokens"
)

// countPassage counts a written passage with what parts it from the next one. A chunk was counted
// when it was made, and quoting changes it at the ends of lines alone: where the counter is the
// chunker's, only these are counted.
func (a *assembler) countPassage(number int, p *passage) int {
	return a.countWritten(a.write(number, p), separator, p)
}

// countWritten is countPassage with what stands behind the passage.
func (a *assembler) countWritten(written, behind string, p *passage) int {
	if a.tokenizer == tokens.Name && len(p.rows) == 1 && p.text == p.rows[0].Chunk.Text {
		if n, ok := countQuoted(a.count, written+behind, len(behind), p.text, p.rows[0].Chunk.Tokens); ok {
			return n
		}
	}
	return a.count(written + behind)
}

// countQuoted counts what ends with the quotation of a text of known tokens and some bytes behind. It
// cuts both at the seams of each line and counts what lies between the last seam of a line and
// the first one of the next, in the text and as it is written. ok is false where that is no less
// work than to count all.
func countQuoted(count func(string) int, written string, behind int, text string, known int) (n int, ok bool) {
	if known <= 0 {
		return 0, false
	}
	all := lines(text)
	at := len(written) - behind - quotedLen(all) // where the quotation begins
	n = known
	wrote, read, counted := 0, 0, 0 // up to where what is written and the text are counted
	begin := 0                      // of the line in the text
	for i, line := range all {
		if i > 0 {
			begin = nextLine(text, begin+len(all[i-1]))
			at++ // the line feed before it
		}
		at++ // its mark
		if line != "" {
			at++
		}
		if first := tokens.FirstSeam(line); first >= 0 {
			n += count(written[wrote:at+first]) - count(text[read:begin+first])
			counted += begin + first - read
			last := tokens.LastSeam(line)
			wrote, read = at+last, begin+last
		}
		at += len(line)
	}
	if counted += len(text) - read; counted > len(text)/2 {
		return 0, false
	}
	return n + count(written[wrote:]) - count(text[read:]), true
}

// quotedLen is how long the quotation of lines is.
func quotedLen(all []string) int {
	n := len(all) - 1
	for _, line := range all {
		n++
		if line != "" {
			n += 1 + len(line)
		}
	}
	return n
}

// nextLine is where the line behind the break at end begins.
func nextLine(text string, end int) int {
	if text[end] == '\r' && end+1 < len(text) && text[end+1] == '\n' {
		return end + 2
	}
	for next := end + 1; ; next++ {
		if next == len(text) || text[next]&0xC0 != 0x80 { // no continuation of the break's character
			return next
		}
	}
}
