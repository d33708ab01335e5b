// Package html parses HTML to its main content, and remembers where each byte stood.
//
// The path of a page: its encoding is found (byte order mark, meta tag, else the bytes);
// the tokenizer of x/net cuts it into tags and text with offsets; a light tree is built from
// these, with the implied end tags of HTML and bounded depth; the main content is chosen; and
// the tree is written out as sections.
//
// Never text: scripts, styles, templates, form controls, embedded objects, and everything
// that is hidden from readers by attribute or inline style. What a style element of the page hides
// by class or id, and white text of which nothing says what is behind it, is text with a flag.
//
// Main content is a main element (or role) if it holds a fair share of the page, else a lone
// article, else the body. Menus go: nav, headers and footers outside an article, asides
// outside the main content, elements whose role, class or id says so and which are mostly
// links, and lists of links in a page that is otherwise prose. If this would lose most of the
// page's prose, the whole body is taken.
//
// Headings, paragraphs, lists ("- ", "1. "), data tables ("a | b | c", a line a row) and
// preformatted text become sections of their kind; tables that only place things on the page
// are read through. Text that stands as it is maps to bronze exactly; character references and
// the markers that a tag implies map to the reference or tag.
package html
