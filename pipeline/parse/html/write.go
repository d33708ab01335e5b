package html

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/atom"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// flow is the kind of place that text is written to; it decides what a block boundary means.
type flow uint8

const (
	flowPage    flow = iota // a boundary ends the paragraph
	flowList                // a boundary begins a line of the item
	flowHeading             // a boundary is a space: headings are one line
	flowCell                // a boundary is a space: rows are one line
	flowCode                // a boundary begins a line
)

// maxCellBytes is the text beyond which a table cell holds content and not data.
const maxCellBytes = 2000

// maxIndent bounds the indentation of lists in lists, which else grows with the square of
// their depth.
const maxIndent = 32

// writer writes a tree as sections.
type writer struct {
	b       *parse.Builder
	text    []byte
	flow    flow
	heading string // the first heading of level 1

	list struct {
		open    bool   // the list section is open
		indent  string // of the current item
		marker  string // to be written before the item's first word,
		tag     *node  // which stands for it
		newItem bool   // the next word begins an item
		newLine bool   // the next word begins a line of the item
	}
}

// block writes what is in n, which begins and ends at block boundaries.
func (w *writer) block(n *node) {
	w.boundary()
	w.kids(n)
	w.boundary()
}

func (w *writer) kids(n *node) {
	for kid := n.first; kid != nil && w.b.Err() == nil; kid = kid.next {
		w.node(kid)
	}
}

func (w *writer) node(n *node) {
	switch {
	case n.hidden:
	case n.text:
		w.b.Unseen(n.unseen)
		w.words(n.start, n.end)
		w.b.Unseen("")
	case heading(n.tag):
		w.writeHeading(n)
	default:
		w.element(n)
	}
}

func (w *writer) element(n *node) {
	switch n.tag {
	case atom.Br:
		w.lineBreak()
	case atom.Wbr:
	case atom.Img:
		w.image(n)
	case atom.Pre, atom.Xmp, atom.Listing, atom.Plaintext:
		w.writeCode(n)
	case atom.Table:
		w.writeTable(n)
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir, atom.Dl:
		w.writeList(n)
	case atom.A:
		if w.flow != flowHeading || !w.permalink(n) {
			w.kids(n)
		}
	case atom.Caption, atom.Tr, atom.Td, atom.Th:
		w.block(n)
	default:
		if block(n.tag) {
			w.block(n)
		} else {
			w.kids(n)
		}
	}
}

// boundary ends a block.
func (w *writer) boundary() {
	switch w.flow {
	case flowPage:
		w.b.End()
	case flowList:
		w.list.newLine = true
	case flowHeading, flowCell:
		w.b.Space()
	case flowCode:
		w.b.Line()
	}
}

func (w *writer) lineBreak() {
	switch w.flow {
	case flowPage:
		if w.b.AtLineStart() { // the second break in a row: what hand-made pages part paragraphs with
			w.b.End()
		}
		w.b.Line()
	case flowCode:
		w.b.Blank("\n")
	default:
		w.boundary()
	}
}

// words writes text.
func (w *writer) words(start, end int) {
	if w.flow == flowCode {
		w.b.CopyLineEntities(start, end)
		return
	}
	ink := start + blankPrefix(w.text[start:end])
	if ink > start && (w.flow != flowList || !w.list.newItem && !w.list.newLine) {
		w.b.Space()
	}
	if ink == end {
		return
	}
	w.begin()
	w.b.CopyEntities(ink, end)
}

// begin prepares the place where a word is about to be written.
func (w *writer) begin() {
	if w.flow != flowList {
		return
	}
	l := &w.list
	if !l.open {
		w.b.Begin(lode.SectionList, 0)
		l.open = true
	}
	switch {
	case l.newItem:
		w.b.Line()
		w.indent(l.indent)
		if l.marker != "" {
			w.b.Write(l.marker, l.tag.start, l.tag.end)
			w.b.Space()
		}
	case l.newLine:
		w.b.Line()
		w.indent(l.indent + "  ")
	}
	l.newItem, l.newLine = false, false
}

// indent begins a line. The first line of a section has no indentation: a section begins
// with its text.
func (w *writer) indent(blanks string) {
	if !w.b.Empty() {
		w.b.Blank(blanks)
	}
}

// section writes a section of its own kind out of whatever flow surrounds it.
func (w *writer) section(kind lode.SectionKind, level int, inner flow, write func()) {
	if w.flow == flowHeading || w.flow == flowCell || w.flow == flowCode {
		write() // no sections inside these
		return
	}
	outer := w.flow
	w.b.Begin(kind, level)
	w.flow = inner
	write()
	w.b.End()
	w.flow = outer
	w.list.open = false
	w.list.newLine = true
}

func (w *writer) writeHeading(n *node) {
	if n.letters == 0 {
		return
	}
	w.section(lode.SectionHeading, headingLevel(n.tag), flowHeading, func() {
		w.kids(n)
		if n.tag == atom.H1 && w.heading == "" {
			w.heading = w.b.SectionText()
		}
	})
}

func (w *writer) writeCode(n *node) {
	w.section(lode.SectionCode, 0, flowCode, func() { w.kids(n) })
}

// writeList writes a list, or a list in a list item. In other places items are blocks.
func (w *writer) writeList(n *node) {
	if w.flow != flowPage && w.flow != flowList {
		w.block(n)
		return
	}
	flow, indent := w.flow, w.list.indent
	inner := ""
	if flow == flowPage {
		w.b.End()
		w.list.open = false
	} else {
		inner = indent + "  "
		if len(indent) >= maxIndent {
			inner = indent
		}
	}
	w.flow = flowList
	number := n.number
	for kid := n.first; kid != nil && w.b.Err() == nil; kid = kid.next {
		if !kid.hidden && (!kid.text || blankPrefix(w.text[kid.start:kid.end]) < kid.end-kid.start) {
			w.listItem(n, kid, inner, &number)
		}
	}
	w.flow, w.list.indent = flow, indent
	w.list.newItem, w.list.newLine = false, true
	if flow == flowPage {
		w.b.End()
	}
}

func (w *writer) listItem(list, item *node, indent string, number *int) {
	l := &w.list
	l.indent, l.marker, l.tag = indent, "-", item
	l.newItem, l.newLine = true, false
	switch {
	case list.tag == atom.Dl:
		l.marker = ""
		if item.tag == atom.Dd {
			l.indent += "  "
		}
	case item.tag != atom.Li:
		l.newItem, l.newLine, l.marker = false, true, ""
	case list.tag == atom.Ol:
		l.marker = strconv.Itoa(*number) + "."
		*number++
	}
	w.kidsOf(item)
}

// kidsOf writes the content of an item without a boundary before it, which would put the
// item's first word on a line below its marker.
func (w *writer) kidsOf(item *node) {
	switch item.tag {
	case atom.Li, atom.Dt, atom.Dd:
		w.kids(item)
	default:
		w.node(item)
	}
}

// image writes the alternative text, which stands for the tag. Names of files are no text.
func (w *writer) image(n *node) {
	alt := strings.Join(strings.Fields(html.UnescapeString(n.alt)), " ")
	if alt == "" || w.flow == flowCode || (!strings.Contains(alt, " ") && strings.Contains(alt, ".")) {
		return
	}
	w.begin()
	if !w.b.Empty() {
		w.b.Space()
	}
	w.b.Write(strings.ToValidUTF8(alt, "\uFFFD"), n.start, n.end)
	w.b.Space()
}

// permalink reports whether a link in a heading is only a sign to copy its address.
func (w *writer) permalink(n *node) bool {
	if n.letters > 16 {
		return false
	}
	var text strings.Builder
	for kid := n.first; kid != nil; kid = kid.next {
		if kid.text {
			text.Write(w.text[kid.start:kid.end])
		}
	}
	return strings.IndexFunc(html.UnescapeString(text.String()), func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsNumber(r)
	}) < 0
}

// blankPrefix returns the length of the white space, plain or as a reference, that text
// begins with.
func blankPrefix(text []byte) int {
	n := 0
	for n < len(text) {
		if text[n] == '&' {
			decoded, size := parse.Entity(text[n:])
			if size == 0 || strings.TrimSpace(decoded) != "" {
				return n
			}
			n += size
			continue
		}
		if c := text[n]; c > ' ' && c < utf8.RuneSelf {
			return n
		}
		r, size := utf8.DecodeRune(text[n:])
		if !unicode.IsSpace(r) {
			return n
		}
		n += size
	}
	return n
}
