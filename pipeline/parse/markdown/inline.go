package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"

	"github.com/lodedb/lode/pipeline/parse"
)

// inlines writes the text of a block's spans.
func (c *converter) inlines(parent ast.Node, depth int) {
	if depth > c.maxDepth {
		c.err = parse.TooLarge("depth", c.maxDepth)
	}
	for n := parent.FirstChild(); n != nil && c.err == nil; n = n.NextSibling() {
		c.inline(n, depth+1)
	}
}

func (c *converter) inline(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.Text:
		c.text(n)
	case *ast.CodeSpan:
		c.codeSpan(n)
	case *ast.AutoLink:
		if label := n.Label(c.source); n.Pos() >= 0 {
			if i := bytes.Index(c.source[n.Pos():], label); i >= 0 && !c.veil.closed() {
				c.b.Copy(c.base+n.Pos()+i, c.base+n.Pos()+i+len(label))
			}
		}
	case *ast.RawHTML:
		c.rawHTML(n)
	case *extast.TaskCheckBox, *extast.FootnoteLink, *extast.FootnoteBacklink:
		// the box belongs to the marker; the number of a footnote is no text
	default:
		c.inlines(n, depth)
	}
}

func (c *converter) text(n *ast.Text) {
	if !c.veil.closed() {
		c.escaped(n.Segment.Start, n.Segment.Stop)
	}
	switch {
	case n.HardLineBreak() && c.listing:
		c.line(c.indent)
	case n.HardLineBreak() && n.Parent().Kind() != ast.KindHeading:
		c.b.Line()
	case n.HardLineBreak(), n.SoftLineBreak():
		c.b.Space()
	}
}

// escaped copies text without the backslashes that quote punctuation.
func (c *converter) escaped(start, end int) {
	for start < end {
		i := bytes.IndexByte(c.source[start:end], '\\')
		if i < 0 {
			break
		}
		at := start + i
		if at+1 >= end || !util.IsPunct(c.source[at+1]) {
			c.b.CopyReferences(c.base+start, c.base+at+1)
			start = at + 1
			continue
		}
		c.b.CopyReferences(c.base+start, c.base+at)
		c.b.Copy(c.base+at+1, c.base+at+2)
		start = at + 2
	}
	c.b.CopyReferences(c.base+start, c.base+end)
}

// codeSpan copies code: neither escapes nor character references mean anything in it.
func (c *converter) codeSpan(n *ast.CodeSpan) {
	for child := n.FirstChild(); child != nil && !c.veil.closed(); child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			c.b.CopyFlow(c.base+t.Segment.Start, c.base+t.Segment.Stop)
			if t.SoftLineBreak() {
				c.b.Space()
			}
		}
	}
}
