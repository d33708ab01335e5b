package text

import (
	"bytes"
	"context"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

var _ parse.Parser = Parse

// Parse is the [parse.Parser] of plain text.
func Parse(ctx context.Context, in parse.Input) (*lode.SilverText, error) {
	src, err := parse.Decode(in.Content)
	if err != nil {
		return nil, err
	}
	b := parse.NewBuilder(ctx, src, in.Limits)
	s := splitter{b: b, text: src.Text, page: 1, paged: bytes.IndexByte(src.Text, '\f') >= 0}
	if s.paged {
		b.SetPage(s.page)
	}
	for at := 0; at < len(src.Text) && b.Err() == nil; {
		at = s.line(at)
	}
	return b.Finish()
}

// splitter cuts text into paragraphs at blank lines and pages at form feeds.
type splitter struct {
	b     *parse.Builder
	text  []byte
	page  int
	paged bool
	open  bool // a paragraph is open
	last  int  // where the line before ends, without white space
}

// line takes the line that begins at offset at and returns where the next one begins.
func (s *splitter) line(at int) int {
	end, next := lineEnd(s.text, at)
	first, last := ink(s.text, at, end)
	switch {
	case first == last:
		s.b.End()
		s.open = false
	case !s.open:
		s.b.Begin(lode.SectionParagraph, 0)
		s.open = true
		s.b.Copy(first, last)
	case s.last == at-1 && s.text[s.last] == '\n': // one run through both lines
		s.b.Copy(s.last, last)
	default:
		s.b.Blank("\n")
		s.b.Copy(at, last)
	}
	s.last = last
	if next > end && s.text[end] == '\f' {
		s.b.End()
		s.open = false
		s.page++
		s.b.SetPage(s.page)
	}
	return next
}

// lineEnd returns where the line ends and where the next begins: after LF, CR LF, CR, form
// feed, or one of Unicode's own separators.
func lineEnd(text []byte, at int) (end, next int) {
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '\n', '\f', '\v':
			return i, i + 1
		case '\r':
			if i+1 < len(text) && text[i+1] == '\n' {
				return i, i + 2
			}
			return i, i + 1
		case 0xE2: // U+2028 and U+2029
			if i+2 < len(text) && text[i+1] == 0x80 && (text[i+2] == 0xA8 || text[i+2] == 0xA9) {
				return i, i + 3
			}
		}
	}
	return len(text), len(text)
}

// ink narrows a line to its first and last character that is not white space.
func ink(text []byte, start, end int) (first, last int) {
	for start < end {
		r, n := utf8.DecodeRune(text[start:end])
		if !unicode.IsSpace(r) {
			break
		}
		start += n
	}
	for end > start {
		r, n := utf8.DecodeLastRune(text[start:end])
		if !unicode.IsSpace(r) {
			break
		}
		end -= n
	}
	return start, end
}
