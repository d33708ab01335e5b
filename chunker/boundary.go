package chunker

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// level is how good a place is to end a part, best first.
type level uint8

const (
	betweenSections level = iota
	betweenParagraphs
	betweenLines
	betweenSentences
	betweenWords
)

// finder looks for the place where the part that starts at start should end.
type finder struct {
	text     string
	sections []block // of the passage
	start    int
	max      int
	whole    map[int]bool // by start: whether a table or code is to be kept in one piece
}

// even returns a place in (low, high] that breaks no sentence and enters no table or code
// that could be a chunk of its own, else -1.
func (f *finder) even(low, high int) int { return f.best(betweenSentences, low, high, true) }

// best returns the last place in (low, high] of the best level down to worst, else -1.
func (f *finder) best(worst level, low, high int, keepWhole bool) int {
	for l := betweenSections; l <= worst; l++ {
		if end := f.last(l, low, high, keepWhole); end > 0 {
			return end
		}
	}
	return -1
}

// place returns where the part should end: in (low, high] at the best level that breaks no
// sentence; else in the half before; else between words. Tables and code that could be a
// chunk of their own are not entered unless nothing else is left, when they are cut between
// lines; and a word is cut, at a rune, when it alone is too long. The result is after start.
func (f *finder) place(low, high int) int {
	half := f.start + (low-f.start)/2
	tries := []struct {
		worst     level
		from, to  int
		keepWhole bool
	}{
		{betweenSentences, low, high, true},
		{betweenSentences, half, low, true},
		{betweenWords, low, high, true},
		{betweenSentences, f.start, half, true},
		{betweenWords, low, high, false},
		{betweenWords, f.start, high, false},
	}
	for _, try := range tries {
		if end := f.best(try.worst, try.from, try.to, try.keepWhole); end > 0 {
			return end
		}
	}
	return f.runeBefore(high)
}

// runeBefore returns the last rune boundary not after high, but at least one rune.
func (f *finder) runeBefore(high int) int {
	for end := high; end > f.start; end-- {
		if atRune(f.text, end) {
			return end
		}
	}
	_, size := utf8.DecodeRuneInString(f.text[f.start:])
	return f.start + size
}

// last returns the last place of the level in (low, high], else -1. Tables and code are passed
// over when keepWhole is set and they could be a chunk of their own. Where a nested part of
// code begins is as good a place as between paragraphs.
func (f *finder) last(l level, low, high int, keepWhole bool) int {
	after := sort.Search(len(f.sections), func(i int) bool { return f.sections[i].Span.Start > high })
	for i := after - 1; i >= 0 && f.sections[i].Span.End > low; i-- {
		s := f.sections[i]
		switch {
		case l == betweenSections:
			if s.Span.Start > low && i > 0 && f.sections[i-1].Kind != lode.SectionHeading && !s.nested {
				return s.Span.Start
			}
			continue
		case keepWhole && f.isWhole(s):
		default:
			if end := f.inside(l, s.Kind, s.Span, low, high); end > 0 {
				return end
			}
		}
		if s.nested && s.Span.Start > low {
			return s.Span.Start
		}
	}
	return -1
}

// isWhole reports whether the section is a table or code that fits a chunk of its own.
func (f *finder) isWhole(s block) bool {
	if s.Kind != lode.SectionTable && s.Kind != lode.SectionCode {
		return false
	}
	fits, known := f.whole[s.Span.Start]
	if !known {
		fits = tokens.Fits(f.text[s.Span.Start:s.Span.End], f.max)
		f.whole[s.Span.Start] = fits
	}
	return fits
}

// inside returns the last place of the level in (low, high] that lies inside the span of a
// section, else -1. Places are before ink: white space belongs to what ended. A heading is cut
// between words at best.
func (f *finder) inside(l level, kind lode.SectionKind, span lode.Span, low, high int) int {
	if kind == lode.SectionHeading && l < betweenWords {
		return -1
	}
	span.Start = max(span.Start, f.start)
	if l == betweenSentences {
		return f.sentence(kind, span, low, high)
	}
	prose := kind == lode.SectionParagraph || kind == lode.SectionList
	for end := min(high, span.End-1); end > max(low, span.Start); end-- {
		if !atRune(f.text, end) {
			continue
		}
		next, _ := utf8.DecodeRuneInString(f.text[end:])
		if unicode.IsSpace(next) {
			continue
		}
		gap := gapBefore(f.text[span.Start:end])
		if gap != "" && gapLevel(gap, next, prose) <= l {
			return end
		}
	}
	return -1
}

// gapBefore returns the white space that s ends with.
func gapBefore(s string) string { return s[len(strings.TrimRightFunc(s, unicode.IsSpace)):] }

// gapLevel says what a stretch of white space separates. In prose a line that goes on with a
// small letter is a wrapped one: its end separates words.
func gapLevel(gap string, next rune, prose bool) level {
	switch lines := strings.Count(gap, "\n"); {
	case lines > 1:
		return betweenParagraphs
	case lines == 1 && !(prose && unicode.IsLower(next)):
		return betweenLines
	}
	return betweenWords
}

// sentence is inside for sentences (UAX 29). They are found in a copy in which wrapped lines
// are joined, for the standard ends a sentence at every line.
func (f *finder) sentence(kind lode.SectionKind, span lode.Span, low, high int) int {
	if kind == lode.SectionCode || kind == lode.SectionTable {
		return -1
	}
	// Some text after high shows whether a sentence ends just there.
	const ahead = 64
	end := min(span.End, high+ahead)
	for !atRune(f.text, end) {
		end--
	}
	found := -1
	joined := strings.ReplaceAll(f.text[span.Start:end], "\n", " ")
	for it := sentences.FromString(joined); it.Next(); {
		at := span.Start + it.End()
		if at > high || at >= end {
			break
		}
		if at > low && at > span.Start {
			found = at
		}
	}
	return found
}
