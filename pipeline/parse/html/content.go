package html

import (
	"golang.org/x/net/html/atom"
)

// The shares, in percent, that decide what the main content is. They were set by reading the
// output for documentation sites, news pages, filings and hand-made pages.
const (
	mainShare     = 25 // of the body's text that a main element must hold
	articleShare  = 40 // the same for a lone article
	proseShare    = 25 // of the page's unlinked text that must survive the removal of menus
	hintedLinks   = 40 // of links in an element that calls itself a menu
	proseLinks    = 50 // of links in a page, below which it is prose
	denseLinks    = 75 // of links in a list of links
	fewestLinks   = 4  // that make a list of links
	roomyLinkSize = 60 // bytes of text a link, above which it is no menu entry
)

// mainContent marks what is no content as hidden and returns the element to write out.
func (p *page) mainContent() *node {
	body := p.root
	measure(body, false)
	whole := body.letters - body.linked
	c := &chooser{}
	c.cut(body, false, false)
	measure(body, false)
	if (body.letters-body.linked)*100 < whole*proseShare || body.letters == 0 {
		c.restore()
		measure(body, false)
		return body
	}
	root := body
	if main := c.largest(c.mains); main != nil && main.letters*100 >= body.letters*mainShare {
		root = main
	} else if len(c.articles) == 1 && c.articles[0].letters*100 >= body.letters*articleShare {
		root = c.articles[0]
	}
	c.cutLinks(root, root == body && body.linked*100 < body.letters*proseLinks)
	measure(body, false)
	return root
}

// measure counts the visible text of n and what is in it.
func measure(n *node, inLink bool) {
	n.letters, n.linked, n.links = 0, 0, 0
	if n.hidden {
		return
	}
	if n.text {
		n.letters = n.ink
		if inLink {
			n.linked = n.letters
		}
		return
	}
	if n.tag == atom.Img && n.alt != "" {
		n.letters = 1
	}
	if n.link {
		n.links++
	}
	for kid := n.first; kid != nil; kid = kid.next {
		measure(kid, inLink || n.link)
		n.letters += kid.letters
		n.linked += kid.linked
		n.links += kid.links
	}
}

// chooser hides what is around the content and can take it back.
type chooser struct {
	cuts     []*node
	mains    []*node
	articles []*node // outermost
}

func (c *chooser) hide(n *node) {
	n.hidden = true
	c.cuts = append(c.cuts, n)
}

func (c *chooser) restore() {
	for _, n := range c.cuts {
		n.hidden = false
	}
	c.cuts = nil
}

// cut hides what tags and roles say is no content.
func (c *chooser) cut(n *node, inMain, inArticle bool) {
	for kid := n.first; kid != nil; kid = kid.next {
		if kid.text || kid.hidden {
			continue
		}
		if surrounds(kid, inMain, inArticle) {
			c.hide(kid)
			continue
		}
		if kid.main && !inMain {
			c.mains = append(c.mains, kid)
		}
		if kid.tag == atom.Article && !inArticle {
			c.articles = append(c.articles, kid)
		}
		c.cut(kid, inMain || kid.main, inArticle || kid.tag == atom.Article)
	}
}

// surrounds reports whether an element is a menu, banner, footer or the like.
func surrounds(n *node, inMain, inArticle bool) bool {
	switch n.tag {
	case atom.Nav, atom.Search:
		return true
	case atom.Header:
		return !inMain && !inArticle && !titles(n)
	case atom.Footer:
		return !inArticle
	case atom.Aside:
		return !inMain && !inArticle
	}
	return n.chrome && !n.main
}

// titles reports whether a header holds the title of the page rather than a banner.
func titles(n *node) bool {
	return n.linked*2 < n.letters && find(n, atom.H1) != nil
}

func find(n *node, tag atom.Atom) *node {
	for kid := n.first; kid != nil; kid = kid.next {
		if kid.hidden {
			continue
		}
		if kid.tag == tag && !kid.text {
			return kid
		}
		if found := find(kid, tag); found != nil {
			return found
		}
	}
	return nil
}

func (c *chooser) largest(nodes []*node) *node {
	var best *node
	for _, n := range nodes {
		if best == nil || n.letters > best.letters {
			best = n
		}
	}
	return best
}

// cutLinks hides menus that only their links give away; in prose also those without a name.
func (c *chooser) cutLinks(n *node, prose bool) {
	for kid := n.first; kid != nil; kid = kid.next {
		if kid.text || kid.hidden || kid.letters == 0 {
			continue
		}
		percent := kid.linked * 100 / kid.letters
		named := kid.hint && percent >= hintedLinks
		unnamed := prose && menuShaped(kid) && percent >= denseLinks && kid.links >= fewestLinks && kid.linked/kid.links < roomyLinkSize
		if named || unnamed {
			c.hide(kid)
			continue
		}
		c.cutLinks(kid, prose)
	}
}

func menuShaped(n *node) bool {
	switch n.tag {
	case atom.Ul, atom.Ol, atom.Div, atom.Table, atom.Section, atom.P, atom.Dl, atom.Td, atom.Center, atom.Form:
		return true
	}
	return false
}
