package markdown

import (
	"context"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

var _ parse.Parser = Parse

// Parse is the [parse.Parser] of Markdown.
func Parse(ctx context.Context, in parse.Input) (*lode.SilverText, error) {
	src, err := parse.Decode(in.Content)
	if err != nil {
		return nil, err
	}
	b := parse.NewBuilder(ctx, src, in.Limits)
	skip, title, language := parse.FrontMatter(src.Text)
	b.SetTitle(title)
	b.SetLanguage(language)
	c := &converter{b: b, source: src.Text[skip:], base: skip, maxDepth: in.Limits.EnsureDefaults().MaxDepth}
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList, extension.Footnote),
		goldmark.WithParserOptions(parser.WithAttribute()),
	)
	c.blocks(md.Parser().Parse(text.NewReader(c.source)), 0)
	if c.err != nil {
		return nil, c.err
	}
	return b.Finish()
}

// converter walks the syntax tree of one document. Positions in the tree are offsets into
// source; the builder's offsets are larger by base.
type converter struct {
	b        *parse.Builder
	source   []byte
	base     int
	maxDepth int
	err      error

	listing bool   // a list section is open
	indent  string // of lines that continue the current list item
	veil    veil   // an inline HTML element that hides what follows
	over    veil   // one that a block of HTML has left open
}

func (c *converter) blocks(parent ast.Node, depth int) {
	if depth > c.maxDepth {
		c.err = parse.TooLarge("depth", c.maxDepth)
	}
	for n := parent.FirstChild(); n != nil && c.err == nil && c.b.Err() == nil; n = n.NextSibling() {
		c.block(n, depth+1)
	}
}

func (c *converter) block(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.Heading:
		c.open(lode.SectionHeading, n.Level)
		c.inlines(n, depth)
		if n.Level == 1 {
			c.b.SetTitle(c.b.SectionText())
		}
		c.b.End()
	case *ast.Paragraph, *ast.TextBlock:
		c.open(lode.SectionParagraph, 0)
		c.inlines(n, depth)
		c.b.End()
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		c.open(lode.SectionCode, 0)
		c.code(n.Lines())
		c.b.End()
	case *ast.HTMLBlock:
		c.open(lode.SectionParagraph, 0)
		c.htmlBlock(n)
		c.b.End()
	case *extast.Table:
		c.open(lode.SectionTable, 0)
		c.table(n, depth)
		c.b.End()
	case *ast.List:
		c.list(n, 0, depth)
		c.b.End()
		c.listing = false
	default:
		c.b.End()
		c.blocks(n, depth)
	}
}

// open begins a section that is no list.
func (c *converter) open(kind lode.SectionKind, level int) {
	c.b.Begin(kind, level)
	c.listing, c.indent, c.veil = false, "", veil{}
}

// code copies lines as they stand. A tab that belongs partly to the indentation of the block
// has become blanks.
func (c *converter) code(lines *text.Segments) {
	for i := range lines.Len() {
		line := lines.At(i)
		for range line.Padding {
			c.b.Blank(" ")
		}
		c.b.CopyLines(c.base+line.Start, c.base+line.Stop)
	}
}

// list writes items into one list section and gives blocks that are no text their own.
func (c *converter) list(list *ast.List, level, depth int) {
	if depth > c.maxDepth {
		c.err = parse.TooLarge("depth", c.maxDepth)
	}
	for n := list.FirstChild(); n != nil && c.err == nil && c.b.Err() == nil; n = n.NextSibling() {
		c.item(n, level, depth+1)
	}
}

func (c *converter) item(item ast.Node, level, depth int) {
	outer := spaces(2 * level)
	marked := false
	for n := item.FirstChild(); n != nil && c.err == nil; n = n.NextSibling() {
		switch child := n.(type) {
		case *ast.Paragraph, *ast.TextBlock:
			if marked {
				c.line(outer + "  ")
			} else {
				c.line(outer)
				c.marker(item)
			}
			c.indent, c.veil = outer+"  ", veil{}
			c.inlines(child, depth)
		case *ast.List:
			if !marked {
				c.line(outer)
				c.marker(item)
			}
			c.list(child, level+1, depth)
		default:
			c.block(child, depth)
		}
		marked = true
	}
}

// line begins a line of the list section, opening the section where it is not.
func (c *converter) line(indent string) {
	if !c.listing {
		c.open(lode.SectionList, 0)
		c.listing = true
	}
	c.b.Line()
	if !c.b.Empty() {
		c.b.Blank(indent)
	}
}

// marker copies an item's marker and the box of a task.
func (c *converter) marker(item ast.Node) {
	at := item.Pos()
	if at < 0 || at >= len(c.source) {
		return
	}
	end := at + 1
	for end < len(c.source) && end < at+10 && c.source[at] >= '0' && c.source[at] <= '9' && c.source[end-1] != '.' && c.source[end-1] != ')' {
		end++
	}
	c.b.Copy(c.base+at, c.base+end)
	c.b.Blank(" ")
	if first := item.FirstChild(); first != nil && first.FirstChild() != nil {
		if box, ok := first.FirstChild().(*extast.TaskCheckBox); ok && box.Pos() >= 0 && box.Pos()+3 <= len(c.source) {
			c.b.Copy(c.base+box.Pos(), c.base+box.Pos()+3)
			c.b.Blank(" ")
		}
	}
}

// table writes one line a row.
func (c *converter) table(table *extast.Table, depth int) {
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		c.b.Line()
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if cell != row.FirstChild() {
				c.pipe(cell.Pos())
			}
			c.veil = veil{}
			c.inlines(cell, depth)
		}
	}
}

// pipe writes what stands between two cells; the one before the cell is its source.
func (c *converter) pipe(cell int) {
	c.b.Space()
	switch {
	case cell > 0 && cell <= len(c.source) && c.source[cell-1] == '|':
		c.b.Copy(c.base+cell-1, c.base+cell)
	case cell >= 0 && cell < len(c.source):
		c.b.Write("|", c.base+cell, c.base+cell+1)
	}
	c.b.Space()
}

func spaces(n int) string {
	const blanks = "                                "
	return blanks[:min(n, len(blanks))]
}
