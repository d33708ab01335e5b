package chunker

import (
	"strings"
	"unicode"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// windows cuts the text every max tokens, whatever stands there but for words; each window
// after the first begins about overlap tokens before the end of the one before it.
func (c *cutter) windows(sections []lode.Section, overlap int) []part {
	var out []part
	span := lode.Span{Start: sections[0].Span.Start, End: sections[len(sections)-1].Span.End}
	for end := 0; span.Len() > 0; {
		one := c.windowFrom(span)
		if one.End <= end { // all of it is repeated: what follows is a word that fits no rest
			span = trim(c.text, lode.Span{Start: end, End: span.End})
			one = c.windowFrom(span)
		}
		end = one.End
		for len(sections) > 1 && sections[0].Span.End <= span.Start {
			sections = sections[1:]
		}
		out = append(out, part{
			span: one, tokens: tokens.Count(c.text[one.Start:one.End]), path: sections[0].Path, page: sections[0].Page,
		})
		next := end
		if overlap > 0 && end < span.End {
			next = one.Start + wordBreak(c.text[one.Start:end], len(tokens.Truncate(c.text[one.Start:end], c.max-overlap)))
		}
		span = trim(c.text, lode.Span{Start: next, End: span.End})
	}
	return out
}

// windowFrom returns the longest window at the start of the span, which begins with ink.
func (c *cutter) windowFrom(span lode.Span) lode.Span {
	text := c.text[span.Start:span.End]
	for end := len(tokens.Truncate(text, c.max)); ; end-- {
		if end < len(text) {
			end = wordBreak(text, end)
		}
		window := trim(c.text, lode.Span{Start: span.Start, End: span.Start + end})
		// A cut inside a word may need more tokens than the text it was taken from.
		if tokens.Fits(c.text[window.Start:window.End], c.max) {
			return window
		}
	}
}

// wordBreak moves a cut back to the last white space before it, if that is in the half before
// it, else to the start of a rune.
func wordBreak(text string, at int) int {
	if at >= len(text) {
		return len(text)
	}
	if i := strings.LastIndexFunc(text[at/2:at], unicode.IsSpace); i > 0 {
		return at/2 + i
	}
	for at > 1 && !atRune(text, at) {
		at--
	}
	return at
}
