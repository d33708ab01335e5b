package chunker

import (
	"slices"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// block is a section, or a part of code that is too long to be one.
type block struct {
	lode.Section
	// nested marks a part of a part, such as the second method of a class: it is no place to
	// cut when the class could be kept in one piece.
	nested bool
}

// deepest is how many levels of indentation code is divided at. It bounds the work: each level
// reads the code once.
const deepest = 6

// divided returns the sections, code that has more than max tokens as the parts that an author
// made: functions, types, groups of statements.
func divided(text string, sections []lode.Section, max int) []block {
	out := make([]block, 0, len(sections))
	for _, s := range sections {
		if s.Kind != lode.SectionCode || tokens.Fits(text[s.Span.Start:s.Span.End], max) {
			out = append(out, block{Section: s})
			continue
		}
		out = divideCode(out, text, block{Section: s}, max, 0)
	}
	return out
}

// divideCode appends the parts of code at the least indentation, from a depth of such levels
// on, that makes more than one; parts that are too long again as their own parts.
func divideCode(out []block, text string, code block, max, depth int) []block {
	lines := codeLines(text, code.Span)
	for _, indent := range indents(lines) {
		starts := partStarts(lines, indent)
		if len(starts) < 2 {
			continue
		}
		for i, start := range starts {
			end := code.Span.End
			if i+1 < len(starts) {
				end = starts[i+1]
			}
			one := code
			one.Span = trim(text, lode.Span{Start: start, End: end})
			one.nested = code.nested || depth > 0 && i > 0
			if depth+1 < deepest && !tokens.Fits(text[one.Span.Start:one.Span.End], max) {
				// The first part of a part begins where that one does.
				first := len(out)
				out = divideCode(out, text, block{Section: one.Section}, max, depth+1)
				out[first].nested = one.nested
				continue
			}
			out = append(out, one)
		}
		return out
	}
	return append(out, code)
}

// codeLine is a line with ink. at is where its part would begin: at the line's start.
type codeLine struct {
	at      int
	indent  int  // columns of white space; a tab is one
	closing bool // it ends or goes on with what stands above it
	apart   bool // a blank line is above it
}

// codeLines returns the lines with ink of a span that begins with ink.
func codeLines(text string, span lode.Span) []codeLine {
	var out []codeLine
	apart := false
	for at := span.Start; at < span.End; {
		next := span.End
		if i := strings.IndexByte(text[at:span.End], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := text[at:next]
		ink := strings.TrimLeft(line, " \t")
		if strings.TrimSpace(ink) == "" {
			apart = true
		} else {
			out = append(out, codeLine{at: at, indent: len(line) - len(ink), closing: isClosing(ink), apart: apart})
			apart = false
		}
		at = next
	}
	return out
}

// closers are words with which a line belongs to the block above it.
var closers = []string{"end", "else", "elif", "elsif", "except", "finally", "catch", "rescue", "fi", "done", "esac"}

// isClosing reports whether a line, without its indentation, ends or continues what is above.
func isClosing(line string) bool {
	if strings.IndexByte(")]}{", line[0]) >= 0 {
		return true
	}
	word := strings.IndexFunc(line, func(r rune) bool { return r < 'a' || r > 'z' })
	if word < 0 {
		word = len(line)
	}
	return slices.Contains(closers, line[:word])
}

// indents returns the different indentations of lines, ascending, as many as are looked at.
func indents(lines []codeLine) []int {
	var out []int
	for _, line := range lines {
		i, known := slices.BinarySearch(out, line.indent)
		if known || i >= deepest {
			continue
		}
		out = slices.Insert(out, i, line.indent)
		out = out[:min(len(out), deepest)]
	}
	return out
}

// partStarts returns where the parts of code begin that are indented at most so far: after a
// blank line, after something deeper, after something that was closed. The first line always
// begins one; a closing line never does.
func partStarts(lines []codeLine, indent int) []int {
	var out []int
	for i, line := range lines {
		switch {
		case i == 0:
		case line.indent > indent || line.closing:
			continue
		case line.apart || lines[i-1].indent > indent || lines[i-1].closing:
		default:
			continue
		}
		out = append(out, line.at)
	}
	return out
}
