package chunker

import (
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// cutter divides and merges passages within a budget.
type cutter struct {
	text     string
	min, max int
	valleys  []valley // of the passage that is split, where similarity decides
}

// split divides a passage into parts of at most max tokens.
func (c *cutter) split(p passage) []part { return c.splitSpan(p, p.span()) }

// splitSpan divides a span of the passage, which begins and ends with ink.
func (c *cutter) splitSpan(p passage, span lode.Span) []part {
	var out []part
	for p = p.from(span.Start); span.Len() > 0; {
		next := c.first(p, span)
		out = append(out, next)
		span = trim(c.text, lode.Span{Start: next.span.End, End: span.End})
		p = p.from(span.Start)
	}
	return out
}

// first returns the first part of the span, which begins with ink in p's first section.
func (c *cutter) first(p passage, span lode.Span) part {
	text := c.text[span.Start:span.End]
	if tokens.Fits(text, c.max) {
		return c.part(p, span)
	}
	find := finder{text: c.text, sections: p.sections, start: span.Start, max: c.max, whole: map[int]bool{}}
	end := 0
	if floor, ceiling, ok := c.share(text); ok {
		low, high := c.window(span.Start, text, floor, ceiling)
		if end = c.lowest(low, high); end <= span.Start {
			end = find.even(low, high)
		}
	}
	low, high := c.window(span.Start, text, c.min, c.max)
	if end <= span.Start {
		end = c.lowest(low, high)
	}
	if end <= span.Start {
		end = find.place(low, high)
	}
	for {
		cut := trim(c.text, lode.Span{Start: span.Start, End: end})
		if tokens.Fits(c.text[cut.Start:cut.End], c.max) {
			return c.part(p, cut)
		}
		// A cut inside a word may need more tokens than the text it was taken from.
		high = end - 1
		end = find.place(min(low, high), high)
	}
}

// window returns the bytes between which a part of floor to ceiling tokens ends.
func (c *cutter) window(start int, text string, floor, ceiling int) (low, high int) {
	return start + len(tokens.Truncate(text, floor)), start + len(tokens.Truncate(text, ceiling))
}

// share says how many tokens the first part of a text should have that does not fit, when
// filling the first would leave too small a rest: the two share evenly.
func (c *cutter) share(text string) (floor, ceiling int, ok bool) {
	if !tokens.Fits(text, c.max+c.min) {
		return 0, 0, false
	}
	all := tokens.Count(text)
	ceiling = min(c.max, all/2+all/8)
	return min(max(all/3, all-c.max), ceiling), ceiling, true
}

// part makes a chunk of a span that begins in p's first section.
func (c *cutter) part(p passage, span lode.Span) part {
	return part{
		span:   span,
		tokens: tokens.Count(c.text[span.Start:span.End]),
		path:   p.path(span.End),
		page:   p.first().Page,
		last:   p.last().Path,
	}
}

// from returns the passage without the sections that end at or before start.
func (p passage) from(start int) passage {
	for len(p.sections) > 1 && p.first().Span.End <= start {
		p.sections = p.sections[1:]
	}
	return p
}
