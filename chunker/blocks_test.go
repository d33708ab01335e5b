package chunker_test

import (
	"strings"

	"github.com/lodedb/lode"
)

// blocks reads a small markup for tests: blocks are separated by blank lines, and the first
// characters say what a block is ("#" heading, "|" table, "```" code up to the next, "- "
// list). A line with a form feed begins a new page. The canonical text is the source itself.
func blocks(src string) *lode.SilverText {
	s := &lode.SilverText{Text: src}
	page, start, code := 1, -1, false
	var path []string
	var levels []int
	flush := func(end int) {
		if start < 0 {
			return
		}
		section := lode.Section{Kind: kindOf(src[start:end]), Page: page, Span: lode.Span{Start: start, End: end}}
		if section.Kind == lode.SectionHeading {
			text := strings.TrimLeft(src[start:end], "#")
			section.Level = min(6, end-start-len(text))
			for len(levels) > 0 && levels[len(levels)-1] >= section.Level {
				levels, path = levels[:len(levels)-1], path[:len(path)-1]
			}
			levels, path = append(levels, section.Level), append(path[:len(path):len(path)], strings.TrimSpace(text))
		}
		section.Path = path
		s.Sections = append(s.Sections, section)
		start = -1
	}
	for at := 0; at < len(src); {
		next := len(src)
		if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := src[at:next]
		blank := strings.TrimSpace(line) == ""
		switch {
		case strings.HasPrefix(line, "```"):
			if !code {
				flush(at)
				start = at
			} else {
				flush(next)
			}
			code = !code
		case code:
		case blank || strings.HasPrefix(line, "#"):
			flush(at)
			page += strings.Count(line, "\f")
			if !blank {
				start = at
				flush(next)
			}
		case start < 0:
			start = at
		}
		at = next
	}
	flush(len(src))
	return s
}

func kindOf(block string) lode.SectionKind {
	switch {
	case strings.HasPrefix(block, "#"):
		return lode.SectionHeading
	case strings.HasPrefix(block, "```"):
		return lode.SectionCode
	case strings.HasPrefix(block, "|"):
		return lode.SectionTable
	case strings.HasPrefix(block, "- "):
		return lode.SectionList
	}
	return lode.SectionParagraph
}
