package html

import "golang.org/x/net/html/atom"

func heading(tag atom.Atom) bool {
	switch tag {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

func headingLevel(tag atom.Atom) int { return int(tag.String()[1] - '0') }

func cell(tag atom.Atom) bool { return tag == atom.Td || tag == atom.Th || tag == atom.Caption }

func tablePart(tag atom.Atom) bool {
	switch tag {
	case atom.Td, atom.Th, atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot, atom.Caption, atom.Table:
		return true
	}
	return false
}

// block reports whether a tag begins a block, and so ends a paragraph.
func block(tag atom.Atom) bool {
	switch tag {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Center, atom.Details, atom.Dialog, atom.Dd, atom.Dir,
		atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.Header,
		atom.Hgroup, atom.Hr, atom.Li, atom.Listing, atom.Main, atom.Menu, atom.Nav, atom.Ol, atom.P, atom.Plaintext, atom.Pre,
		atom.Search, atom.Section, atom.Summary, atom.Table, atom.Ul, atom.Xmp, atom.Legend, atom.Optgroup, atom.Option:
		return true
	}
	return heading(tag)
}

// structural reports whether an end tag may close elements inside its own that were left
// open, blocks included.
func structural(tag atom.Atom) bool {
	return block(tag) || tablePart(tag) || tag == 0 || tag == atom.Svg
}

// void reports whether a tag has no end tag.
func void(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Param,
		atom.Source, atom.Track, atom.Wbr, atom.Frame, atom.Bgsound, atom.Keygen:
		return true
	}
	return false
}
