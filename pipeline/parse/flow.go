package parse

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CopyFlow appends source text with each stretch of white space made one space. A stretch
// at the start of a line disappears.
func (b *Builder) CopyFlow(start, end int) {
	for start < end {
		word, next := flowStretch(b.src.Text[start:end])
		b.Copy(start, start+word)
		if next > word {
			b.Space()
		}
		start += next
	}
}

// flowStretch returns the length of the text before the first white space that is not a
// single blank, and where the text after that white space begins.
func flowStretch(text []byte) (word, next int) {
	for i := 0; i < len(text); {
		n := spaceLen(text[i:])
		if n == 0 {
			i++
			continue
		}
		end := i + n
		for m := spaceLen(text[end:]); m > 0; m = spaceLen(text[end:]) {
			end += m
		}
		if i > 0 && end == i+1 && text[i] == ' ' && end < len(text) {
			i++
			continue
		}
		return i, end
	}
	return len(text), len(text)
}

// spaceLen returns the length of the white space character that text begins with, else 0.
func spaceLen(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	if c := text[0]; c < utf8.RuneSelf {
		if c == ' ' || ('\t' <= c && c <= '\r') {
			return 1
		}
		return 0
	}
	if !utf8.RuneStart(text[0]) {
		return 0
	}
	if r, n := utf8.DecodeRune(text); unicode.IsSpace(r) {
		return n
	}
	return 0
}

// CopyLines appends source text keeping its lines and indentation; line ends become "\n".
// Blank lines at the start of a section go.
func (b *Builder) CopyLines(start, end int) {
	text := b.src.Text
	if b.Empty() {
		start += blankLines(text[start:end])
	}
	for i := start; i < end; i++ {
		if text[i] != '\r' {
			continue
		}
		b.Copy(start, i)
		if i+1 >= end || text[i+1] != '\n' {
			b.Blank("\n")
		}
		start = i + 1
	}
	b.Copy(start, end)
}

// blankLines returns the length of the blank lines that text begins with.
func blankLines(text []byte) int {
	n := 0
	for i := 0; i < len(text); {
		size := spaceLen(text[i:])
		if size == 0 {
			break
		}
		if i += size; text[i-1] == '\n' {
			n = i
		}
	}
	return n
}

// CopyEntities appends source text as [Builder.CopyFlow] does and decodes its character
// references.
func (b *Builder) CopyEntities(start, end int) {
	b.entities(start, end, Entity, b.CopyFlow)
}

// CopyReferences is [Builder.CopyEntities] for Markdown, where a character reference must end
// with a semicolon.
func (b *Builder) CopyReferences(start, end int) {
	b.entities(start, end, reference, b.CopyFlow)
}

func reference(text []byte) (string, int) {
	decoded, n := Entity(text)
	if n == 0 || text[n-1] != ';' {
		return "", 0
	}
	return decoded, n
}

// CopyLineEntities appends source text as [Builder.CopyLines] does and decodes its character
// references.
func (b *Builder) CopyLineEntities(start, end int) {
	b.entities(start, end, Entity, b.CopyLines)
}

func (b *Builder) entities(start, end int, entity func([]byte) (string, int), copyText func(start, end int)) {
	for start < end && b.err == nil {
		text := b.src.Text[start:end]
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			break
		}
		decoded, n := entity(text[i:])
		if n == 0 {
			copyText(start, start+i+1)
			start += i + 1
			continue
		}
		copyText(start, start+i)
		b.WriteFlow(decoded, start+i, start+i+n)
		start += i + n
	}
	copyText(start, end)
}

// WriteFlow appends text that stands for source[start:end] in another form; white space,
// such as that of "&nbsp;", becomes a plain space.
func (b *Builder) WriteFlow(text string, start, end int) {
	if strings.TrimFunc(text, unicode.IsSpace) == "" {
		b.Space()
		return
	}
	b.Write(text, start, end)
}
