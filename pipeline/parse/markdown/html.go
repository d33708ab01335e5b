package markdown

import (
	"bytes"
	"errors"
	"io"
	"sort"

	"github.com/yuin/goldmark/ast"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// veil is an HTML element whose content no reader sees, while it is open. Markdown needs no
// tree for that: counting the tags of its name finds its end.
type veil struct {
	tag   atom.Atom
	depth int
	mute  bool // by what it is, and not by how it is shown
}

func (v *veil) closed() bool { return v.depth > 0 }

func (v *veil) start(tag atom.Atom, attrs map[string]string) {
	switch {
	case v.depth > 0 && tag == v.tag:
		v.depth++
	case v.depth == 0 && tag != atom.Input && tag != atom.Embed && (parse.Mute(tag) || parse.Hidden(attrs) || unreadable(attrs)):
		v.tag, v.depth, v.mute = tag, 1, parse.Mute(tag)
	}
}

// unreadable reports whether an element has the colour of paper. Markdown is shown on paper, and
// brings no style sheet that could say otherwise.
func unreadable(attrs map[string]string) bool {
	p := parse.Unpainted.Over(attrs)
	return p.Pale() || p.Invisible()
}

func (v *veil) end(tag atom.Atom) {
	if v.depth > 0 && tag == v.tag {
		v.depth--
	}
}

// rawHTML notices tags between words. Only a line break and what hides text mean anything.
func (c *converter) rawHTML(n *ast.RawHTML) {
	var raw []byte
	for i := range n.Segments.Len() {
		segment := n.Segments.At(i)
		raw = append(raw, segment.Value(c.source)...)
	}
	z := html.NewTokenizer(bytes.NewReader(raw))
	switch z.Next() {
	case html.StartTagToken:
		name, _ := z.TagName()
		tag := atom.Lookup(name)
		if tag == atom.Br && !c.veil.closed() {
			c.b.Line()
		}
		if !void(tag) {
			c.veil.start(tag, parse.Attributes(z))
		}
	case html.SelfClosingTagToken:
		if name, _ := z.TagName(); atom.Lookup(name) == atom.Br && !c.veil.closed() {
			c.b.Line()
		}
	case html.EndTagToken:
		name, _ := z.TagName()
		c.veil.end(atom.Lookup(name))
	}
}

// htmlBlock writes the text of a block of HTML: line by line where it is nested in a list or
// quote, because then its lines do not follow each other in the source.
func (c *converter) htmlBlock(n *ast.HTMLBlock) {
	h := &htmlText{c: c}
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		h.add(line.Start, line.Stop)
	}
	if n.HasClosure() {
		h.add(n.ClosureLine.Start, n.ClosureLine.Stop)
	}
	h.run()
}

// carry goes on with a veil that a block of HTML leaves open: a blank line ends the block, but not the
// element. What follows is kept and flagged, since only counting tags says where the element ends.
func (c *converter) carry(v veil) {
	if v.closed() && !v.mute && !c.over.closed() {
		c.over = v
		c.b.Unseen("markdown/html")
	}
}

// carried counts a tag of the element that was left open.
func (c *converter) carried(tag atom.Atom, end bool) {
	switch {
	case !c.over.closed() || tag != c.over.tag:
	case !end:
		c.over.depth++
	default:
		if c.over.depth--; c.over.depth == 0 {
			c.b.Unseen("")
		}
	}
}

// htmlText writes the text of one block of HTML.
type htmlText struct {
	c      *converter
	buf    []byte
	starts []int // where in buf a line begins,
	origin []int // and where in the source
	veil   veil
	pre    bool
}

func (h *htmlText) add(start, stop int) {
	h.starts = append(h.starts, len(h.buf))
	h.origin = append(h.origin, start)
	h.buf = append(h.buf, h.c.source[start:stop]...)
}

// source returns the builder's offset of an offset in buf.
func (h *htmlText) source(at int) int {
	i := sort.SearchInts(h.starts, at+1) - 1
	return h.c.base + h.origin[i] + at - h.starts[i]
}

func (h *htmlText) run() {
	z := html.NewTokenizer(bytes.NewReader(h.buf))
	at := 0
	for h.c.b.Err() == nil {
		kind := z.Next()
		raw := len(z.Raw())
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				h.c.err = lode.Errorf(lode.CodeMalformed, "html in markdown cannot be read")
			}
			h.c.carry(h.veil)
			return
		case html.TextToken:
			if !h.veil.closed() {
				h.text(at, at+raw)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			tag := atom.Lookup(name)
			if !h.veil.closed() {
				h.startTag(tag, at, at+raw)
			}
			if kind == html.StartTagToken && !void(tag) {
				h.c.carried(tag, false)
				h.veil.start(tag, parse.Attributes(z))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := atom.Lookup(name)
			h.c.carried(tag, true)
			h.veil.end(tag)
			if !h.veil.closed() {
				h.endTag(tag)
			}
		}
		at += raw
	}
}

// text writes text of buf, line by line so that each piece is one stretch of the source.
func (h *htmlText) text(start, end int) {
	for start < end {
		stop := end
		if i := bytes.IndexByte(h.buf[start:end], '\n'); i >= 0 {
			stop = start + i + 1
		}
		from := h.source(start)
		if h.pre {
			h.c.b.CopyLineEntities(from, from+stop-start)
		} else {
			h.c.b.CopyEntities(from, from+stop-start)
		}
		start = stop
	}
}

func (h *htmlText) startTag(tag atom.Atom, start, end int) {
	b := h.c.b
	switch tag {
	case atom.Br, atom.Tr, atom.Dt:
		b.Line()
	case atom.Pre:
		b.Begin(lode.SectionCode, 0)
		h.pre = true
	case atom.Table:
		b.Begin(lode.SectionTable, 0)
	case atom.Ul, atom.Ol, atom.Dl:
		if b.Empty() {
			b.Begin(lode.SectionList, 0)
		}
		b.Line()
	case atom.Li:
		b.Line()
		b.Write("-", h.source(start), h.source(end-1)+1)
		b.Space()
	case atom.Td, atom.Th:
		if !b.AtLineStart() {
			b.Space()
			b.Write("|", h.source(start), h.source(end-1)+1)
			b.Space()
		}
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		b.Begin(lode.SectionHeading, headingLevel(tag))
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Blockquote, atom.Details, atom.Summary, atom.Figure, atom.Figcaption:
		h.paragraph()
	}
}

func (h *htmlText) endTag(tag atom.Atom) {
	switch tag {
	case atom.Pre:
		h.pre = false
		h.c.b.Begin(lode.SectionParagraph, 0)
	case atom.Table, atom.Ul, atom.Ol, atom.Dl, atom.Summary:
		h.c.b.Begin(lode.SectionParagraph, 0)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if tag == atom.H1 {
			h.c.b.SetTitle(h.c.b.SectionText())
		}
		h.c.b.Begin(lode.SectionParagraph, 0)
	}
}

// paragraph begins a paragraph; inside items and cells one only begins a word.
func (h *htmlText) paragraph() {
	switch h.c.b.Kind() {
	case lode.SectionTable, lode.SectionList:
		h.c.b.Space()
	default:
		h.c.b.Begin(lode.SectionParagraph, 0)
	}
}

func headingLevel(tag atom.Atom) int { return int(tag.String()[1] - '0') }

// void reports whether a tag has no end tag.
func void(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Param,
		atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}
