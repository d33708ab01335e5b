package chunker

import (
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// tinyShare is the part of min below which a chunk is too small to stand alone.
const tinyShare = 4

// merge joins neighbours that are too small, from left to right, so that what is decided does
// not depend on what follows later.
func (c *cutter) merge(parts []part) []part {
	var out []part
	for _, next := range parts {
		last := len(out) - 1
		switch {
		case last < 0:
		case c.joins(out[last], next):
			out[last] = c.join(out[last], next)
			continue
		case !sameTop(out[last].last, next.path):
			out = c.settle(out)
		}
		out = append(out, next)
	}
	return c.settle(out)
}

// within joins neighbours that are too small where both lie under the same headings, and no
// others: every chunk belongs to one section.
func (c *cutter) within(parts []part) []part {
	var out []part
	for _, next := range parts {
		last := len(out) - 1
		if last >= 0 && slices.Equal(out[last].path, next.path) && (out[last].tokens < c.min || c.tiny(next)) && c.fit(out[last], next) {
			out[last] = c.join(out[last], next)
			continue
		}
		out = append(out, next)
	}
	return out
}

// joins reports whether next goes into the same chunk as current: under one top-level heading
// while current is below min, across two only when both are tiny.
func (c *cutter) joins(current, next part) bool {
	if sameTop(current.last, next.path) {
		return current.tokens < c.min && c.fit(current, next)
	}
	return c.tiny(current) && c.tiny(next) && c.fit(current, next)
}

// settle joins a tiny remainder at the end of a top-level part to the chunk before it.
func (c *cutter) settle(out []part) []part {
	last := len(out) - 1
	if last < 1 || !c.tiny(out[last]) || !sameTop(out[last-1].last, out[last].path) || !c.fit(out[last-1], out[last]) {
		return out
	}
	out[last-1] = c.join(out[last-1], out[last])
	return out[:last]
}

func (c *cutter) tiny(p part) bool { return p.tokens*tinyShare < c.min }

func (c *cutter) fit(a, b part) bool {
	return tokens.Fits(c.text[a.span.Start:b.span.End], c.max)
}

// join makes one part of two neighbours; it is named after the first.
func (c *cutter) join(a, b part) part {
	a.span = lode.Span{Start: a.span.Start, End: b.span.End}
	a.tokens = tokens.Count(c.text[a.span.Start:a.span.End])
	a.last = b.last
	return a
}
