package chunker

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// passage is a stretch of sections with one heading path, after any headings that stand
// directly above it with no text of their own.
type passage struct {
	sections []block // spans trimmed
	bare     bool    // headings alone
	own      bool    // its chunks are named after the text, not after the headings above it
}

func (p passage) first() block { return p.sections[0] }
func (p passage) last() block  { return p.sections[len(p.sections)-1] }

// path is what a chunk is named after that begins in the first section and ends at end.
func (p passage) path(end int) []string {
	path := p.first().Path
	if !p.own {
		return path
	}
	for _, s := range p.sections {
		if s.Span.Start >= end {
			break
		}
		path = s.Path
	}
	return path
}

func (p passage) span() lode.Span {
	return lode.Span{Start: p.first().Span.Start, End: p.last().Span.End}
}

// inked returns the sections that hold more than white space, their spans trimmed to ink. It
// checks what the chunker relies on: sections in order, inside the text, with all ink in them.
func inked(s *lode.SilverText) ([]lode.Section, error) {
	out := make([]lode.Section, 0, len(s.Sections))
	end := 0
	for i, section := range s.Sections {
		span := section.Span
		if !span.Within(len(s.Text)) || span.Start < end {
			return nil, lode.Errorf(lode.CodeCorrupt, "chunk text: section %d: span %v is out of order or range", i, span)
		}
		if !atRune(s.Text, span.Start) || !atRune(s.Text, span.End) {
			return nil, lode.Errorf(lode.CodeCorrupt, "chunk text: section %d: span %v cuts a character", i, span)
		}
		if trim(s.Text, lode.Span{Start: end, End: span.Start}).Len() > 0 {
			return nil, lode.Errorf(lode.CodeCorrupt, "chunk text: text before section %d belongs to none", i)
		}
		end = span.End
		if section.Span = trim(s.Text, span); section.Span.Len() > 0 {
			out = append(out, section)
		}
	}
	if trim(s.Text, lode.Span{Start: end, End: len(s.Text)}).Len() > 0 {
		return nil, lode.Errorf(lode.CodeCorrupt, "chunk text: text after the last section belongs to none")
	}
	return out, nil
}

func atRune(s string, i int) bool { return i == len(s) || utf8.RuneStart(s[i]) }

// trim narrows the span to begin and end with ink; without ink it is empty.
func trim(text string, span lode.Span) lode.Span {
	s := text[span.Start:span.End]
	kept := strings.TrimLeftFunc(s, unicode.IsSpace)
	start := span.End - len(kept)
	return lode.Span{Start: start, End: start + len(strings.TrimRightFunc(kept, unicode.IsSpace))}
}

// passages groups neighbouring sections with the same heading path. Headings without text of
// their own are put before the passage that follows, unless that begins another top-level
// part of the document. own is said of each.
func passages(sections []block, own bool) []passage {
	var out []passage
	for _, section := range sections {
		heading := section.Kind == lode.SectionHeading
		if len(out) == 0 || !out[len(out)-1].takes(section) {
			out = append(out, passage{bare: heading, own: own})
		}
		last := &out[len(out)-1]
		last.sections = append(last.sections, section)
		last.bare = last.bare && heading
	}
	return out
}

// takes reports whether the next section belongs to the passage.
func (p passage) takes(next block) bool {
	if p.bare {
		return sameTop(p.last().Path, next.Path)
	}
	return next.Kind != lode.SectionHeading && slices.Equal(p.last().Path, next.Path)
}

// sameTop reports whether two heading paths lie under the same top-level heading, or both
// under none.
func sameTop(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return a[0] == b[0]
}
