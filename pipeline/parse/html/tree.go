package html

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// node is an element, or a stretch of text.
type node struct {
	tag        atom.Atom // 0 for text and for elements without a known name
	text       bool
	start, end int // of the tag, or of the text, in the source
	first      *node
	last       *node
	next       *node
	parent     *node
	name       string // of an element without a known name
	alt        string // of an image, decoded
	number     int    // of the first item of an ordered list; columns that a cell spans

	hidden   bool   // from readers, or under an element that is
	unseen   string // the rule by which readers do not see it, though nothing is certain
	paint    parse.Paint
	link     bool // has an address
	main     bool // by tag or role
	chrome   bool // a menu, banner or footer by its role
	hint     bool // its class or id says menu
	presents bool // role says that a table is only layout

	ink     int // bytes of text that are not white space
	letters int // the same for all visible text in it,
	linked  int // and for that inside links
	links   int
}

// page is a tree with what its head says.
type page struct {
	root     *node
	title    string
	language string
}

// treeBuilder builds a page from tokens.
type treeBuilder struct {
	src      []byte
	page     page
	at       *node // the innermost open element
	depth    int
	maxDepth int
	over     int  // open elements that were not pushed for being too deep
	xml      bool // "<div/>" is closed
	inTitle  bool
	sheet    sheet // what the style elements so far hide
}

// buildTree builds the tree of src[from:].
func buildTree(ctx context.Context, src []byte, from, maxDepth int) (*page, error) {
	root := &node{tag: atom.Body, paint: parse.Unpainted}
	t := &treeBuilder{src: src, at: root, maxDepth: maxDepth, page: page{root: root}}
	t.xml = bytes.HasPrefix(bytes.TrimLeft(src[from:], " \t\r\n"), []byte("<?xml"))
	z := html.NewTokenizer(bytes.NewReader(src[from:]))
	at := from
	for count := 0; ; count++ {
		if count%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		kind := z.Next()
		end := at + len(z.Raw())
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return nil, lode.Errorf(lode.CodeMalformed, "html cannot be read")
			}
			return &t.page, nil
		case html.TextToken:
			t.addText(at, end)
		case html.StartTagToken, html.SelfClosingTagToken:
			t.startTag(z, at, end, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			t.endTag(atom.Lookup(name), string(name))
		}
		at = end
	}
}

func (t *treeBuilder) addText(start, end int) {
	switch {
	case t.at.tag == atom.Style:
		t.sheet.add(string(t.src[start:end]))
	case t.inTitle:
		t.page.title = html.UnescapeString(string(t.src[start:end]))
	case t.at.hidden:
	case t.at.last != nil && t.at.last.text && t.at.last.end == start:
		t.at.last.end = end
		t.at.last.ink += inkBytes(t.src[start:end])
	default:
		t.append(&node{text: true, start: start, end: end, ink: inkBytes(t.src[start:end]), unseen: t.at.unseen})
	}
}

// inkBytes counts what is not white space. A character reference to a blank is white space,
// or cells with nothing but "&nbsp;" would count as filled.
func inkBytes(text []byte) int {
	ink := 0
	for i := 0; i < len(text); {
		if blank := blankPrefix(text[i:]); blank > 0 {
			i += blank
			continue
		}
		ink++
		i++
	}
	return ink
}

func (t *treeBuilder) append(n *node) {
	n.parent = t.at
	if t.at.last == nil {
		t.at.first = n
	} else {
		t.at.last.next = n
	}
	t.at.last = n
}

func (t *treeBuilder) startTag(z *html.Tokenizer, start, end int, selfClosing bool) {
	raw, _ := z.TagName()
	tag, name := atom.Lookup(raw), string(raw)
	attrs := parse.Attributes(z)
	switch tag {
	case atom.Html, atom.Body:
		if tag == atom.Html && t.page.language == "" {
			t.page.language = first(attrs["lang"], attrs["xml:lang"])
		}
		t.page.root.paint = t.page.root.paint.Over(attrs)
		return // their attributes do not hide what is in them: a page that hides all is read
	case atom.Head, atom.Meta, atom.Link, atom.Base:
		return
	case atom.Title:
		t.inTitle = t.page.title == "" && !t.at.hidden && !selfClosing
	}
	t.closeImplied(tag)
	n := newNode(tag, name, attrs)
	n.start, n.end = start, end
	n.paint = t.at.paint.Over(attrs)
	n.hidden = t.at.hidden || n.paint.Invisible() || tag == atom.Title || parse.Mute(tag) || parse.Hidden(attrs) || (tag == atom.Dialog && !has(attrs, "open"))
	n.unseen = t.unseen(n, attrs)
	if void(tag) || (selfClosing && (t.xml || tag == 0 || t.foreign())) {
		if !n.hidden {
			t.append(n)
		}
		return
	}
	if t.depth >= t.maxDepth {
		t.over++
		return
	}
	t.append(n)
	t.at = n
	t.depth++
}

// unseen is the rule by which readers do not see an element, as far as the page says: a style sheet
// that is elsewhere, or a script, may show it. So it is kept, and marked.
func (t *treeBuilder) unseen(n *node, attrs map[string]string) string {
	switch {
	case t.sheet.hides(n, attrs):
		return "html/style-sheet"
	case n.paint.Pale():
		return "html/color"
	}
	if t.at.unseen == "html/style-sheet" {
		return t.at.unseen
	}
	return ""
}

// newNode reads what matters of a tag's attributes.
func newNode(tag atom.Atom, name string, attrs map[string]string) *node {
	n := &node{tag: tag, number: 1}
	if tag == 0 {
		n.name = name
	}
	if tag == atom.Img {
		n.alt = attrs["alt"]
	}
	if start, err := strconv.Atoi(attrs["start"]); err == nil && start >= 0 && start < 1_000_000_000 {
		n.number = start
	}
	if span, err := strconv.Atoi(attrs["colspan"]); err == nil && span > 0 && cell(tag) {
		n.number = min(span, maxColumns)
	}
	n.link = tag == atom.A && has(attrs, "href")
	switch role := strings.ToLower(strings.TrimSpace(attrs["role"])); role {
	case "main":
		n.main = true
	case "navigation", "banner", "contentinfo", "search", "menu", "menubar", "toolbar", "complementary", "dialog", "alertdialog":
		n.chrome = true
	case "presentation", "none":
		n.presents = true
	}
	n.main = n.main || tag == atom.Main
	n.hint = menuHint(attrs["class"]) || menuHint(attrs["id"])
	return n
}

// menuHint reports whether a class or id names what is around the content of a page.
func menuHint(names string) bool {
	for _, word := range strings.FieldsFunc(strings.ToLower(names), func(r rune) bool {
		return r == ' ' || r == '-' || r == '_' || r == '\t' || r == '\n'
	}) {
		switch word {
		case "nav", "navbar", "navigation", "menu", "breadcrumb", "breadcrumbs", "sidebar", "footer", "share", "sharing", "social",
			"related", "pagination", "pager", "toc", "cookie", "cookies", "topbar", "sitemap", "skip", "tags", "promo", "newsletter":
			return true
		}
	}
	return false
}

func (t *treeBuilder) foreign() bool {
	for n := t.at; n != nil; n = n.parent {
		if n.tag == atom.Svg || n.tag == atom.Math {
			return true
		}
	}
	return false
}

// closeImplied ends the elements that a start tag ends without saying so.
func (t *treeBuilder) closeImplied(tag atom.Atom) {
	switch tag {
	case atom.Li:
		t.closeUpTo(func(n *node) bool { return n.tag == atom.Li }, atom.Ul, atom.Ol, atom.Menu, atom.Dir)
	case atom.Dt, atom.Dd:
		t.closeUpTo(func(n *node) bool { return n.tag == atom.Dt || n.tag == atom.Dd }, atom.Dl)
	case atom.Td, atom.Th:
		t.closeUpTo(func(n *node) bool { return n.tag == atom.Td || n.tag == atom.Th }, atom.Tr)
		return
	case atom.Tr:
		t.closeUpTo(func(n *node) bool { return n.tag == atom.Tr || n.tag == atom.Caption })
		return
	case atom.Tbody, atom.Thead, atom.Tfoot:
		t.closeUpTo(func(n *node) bool {
			return n.tag == atom.Tbody || n.tag == atom.Thead || n.tag == atom.Tfoot || n.tag == atom.Caption
		})
		return
	case atom.A:
		if t.at.tag == atom.A {
			t.pop(t.at)
		}
	}
	if heading(tag) && heading(t.at.tag) {
		t.pop(t.at)
	}
	if block(tag) {
		t.closeUpTo(func(n *node) bool { return n.tag == atom.P }, atom.Td, atom.Th, atom.Caption, atom.Button, atom.Object)
	}
}

// closeUpTo ends the nearest open element that fits, unless a barrier or table is nearer.
func (t *treeBuilder) closeUpTo(fits func(*node) bool, barriers ...atom.Atom) {
	for n := t.at; n.parent != nil; n = n.parent {
		if fits(n) {
			t.pop(n)
			return
		}
		if n.tag == atom.Table {
			return
		}
		for _, barrier := range barriers {
			if n.tag == barrier {
				return
			}
		}
	}
}

// endTag ends the nearest open element of that name. A tag inside text does not reach across
// blocks, and nothing but the end of a table reaches out of one.
func (t *treeBuilder) endTag(tag atom.Atom, name string) {
	if tag == atom.Title {
		t.inTitle = false
	}
	if tag == atom.Body || tag == atom.Html || tag == atom.Head || (tag != 0 && void(tag)) {
		return
	}
	if t.over > 0 {
		t.over--
		return
	}
	for n := t.at; n.parent != nil; n = n.parent {
		switch {
		case n.tag == tag && n.name == nameOf(tag, name), heading(tag) && heading(n.tag):
			t.pop(n)
			return
		case n.tag == atom.Table, !structural(tag) && (block(n.tag) || cell(n.tag)), cell(n.tag) && !tablePart(tag):
			return
		}
	}
}

func nameOf(tag atom.Atom, name string) string {
	if tag != 0 {
		return ""
	}
	return name
}

// pop ends n and everything open in it.
func (t *treeBuilder) pop(n *node) {
	for m := t.at; ; m = m.parent {
		t.depth--
		if m == n {
			break
		}
	}
	t.at = n.parent
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func has(attrs map[string]string, name string) bool {
	_, ok := attrs[name]
	return ok
}
