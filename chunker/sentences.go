package chunker

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// groups joins the sentences of a passage, a few at a time: a group is closed when it has min
// tokens or the next sentence does not fit. A last group that is tiny joins the one before it.
func (c *cutter) groups(p passage) []part {
	var out []part
	var open lode.Span
	full := false  // open has enough
	sealed := true // nothing may be added to what out ends with
	flush := func() {
		if open.Len() == 0 {
			return
		}
		p = p.from(open.Start)
		next := c.part(p, open)
		if last := len(out) - 1; !sealed && c.tiny(next) && c.fit(out[last], next) {
			out[last] = c.join(out[last], next)
		} else {
			out = append(out, next)
		}
		open, full, sealed = lode.Span{}, false, false
	}
	for _, unit := range c.units(p) {
		joined := lode.Span{Start: unit.Start, End: unit.End}
		if open.Len() > 0 {
			joined.Start = open.Start
		}
		fits := !full && c.fits(joined)
		if !fits && open.Len() > 0 {
			flush()
			joined.Start = unit.Start
			fits = c.fits(joined)
		}
		if fits {
			open, full = joined, c.enough(joined)
			continue
		}
		out = append(out, c.splitSpan(p, unit)...)
		p, sealed = p.from(unit.Start), true
	}
	flush()
	return out
}

func (c *cutter) fits(span lode.Span) bool {
	return tokens.Fits(c.text[span.Start:span.End], c.max)
}

func (c *cutter) enough(span lode.Span) bool {
	return !tokens.Fits(c.text[span.Start:span.End], c.min-1)
}

// units returns the sentences of a passage in order, trimmed, with all of its ink: lines of
// lists, tables and code that are kept whole, the rows or lines of others. A heading is part
// of the unit that follows.
func (c *cutter) units(p passage) []lode.Span {
	var out []lode.Span
	heading := -1 // where the headings begin that no unit has taken
	for _, b := range p.sections {
		if heading < 0 {
			heading = b.Span.Start
		}
		if b.Kind == lode.SectionHeading {
			continue
		}
		at := heading
		for _, end := range c.unitEnds(b) {
			if unit := trim(c.text, lode.Span{Start: at, End: end}); unit.Len() > 0 {
				out = append(out, unit)
			}
			at = end
		}
		heading = -1
	}
	if heading >= 0 {
		out = append(out, lode.Span{Start: heading, End: p.last().Span.End})
	}
	return out
}

// unitEnds returns where the units of a block end, ascending; the last is the block's end.
func (c *cutter) unitEnds(b block) []int {
	if b.Kind == lode.SectionCode || b.Kind == lode.SectionTable {
		if c.fits(b.Span) {
			return []int{b.Span.End}
		}
		return c.lineEnds(b.Span, false)
	}
	// Sentences are found in a copy in which wrapped lines are joined, for the standard ends a
	// sentence at every line.
	ends := c.lineEnds(b.Span, true)
	joined := strings.ReplaceAll(c.text[b.Span.Start:b.Span.End], "\n", " ")
	for it := sentences.FromString(joined); it.Next(); {
		ends = append(ends, b.Span.Start+it.End())
	}
	slices.Sort(ends)
	return slices.Compact(ends)
}

// lineEnds returns where lines begin but the first, and the end of the span. In prose wrapped
// lines do not count.
func (c *cutter) lineEnds(span lode.Span, prose bool) []int {
	var out []int
	for at := span.Start; at < span.End; {
		i := strings.IndexByte(c.text[at:span.End], '\n')
		if i < 0 {
			break
		}
		line := at + i
		rest := strings.TrimLeftFunc(c.text[line:span.End], unicode.IsSpace)
		at = span.End - len(rest)
		next, _ := utf8.DecodeRuneInString(rest)
		if rest != "" && gapLevel(c.text[line:at], next, prose) <= betweenLines {
			out = append(out, at)
		}
	}
	return append(out, span.End)
}
