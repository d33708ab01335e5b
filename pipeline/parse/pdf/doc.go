// Package pdf parses the text layer of PDF files.
//
// The object model (cross references, streams, filters, decryption with the empty password)
// is that of ledongthuc/pdf; what a page draws is interpreted here, because positions, fonts
// and character maps decide how text reads:
//
//	file    header, page tree, title, language      open.go
//	lexer   tokens of content streams and CMaps     lex.go
//	font    codes to characters and widths          font.go cmap.go
//	content operators to placed glyphs              content.go
//	visible which of them a viewer shows            visible.go
//	line    glyphs to words and lines               line.go
//	layout  lines to sections                       layout.go
//
// Text comes in the order in which the page draws it, which is the reading order in all but
// odd files; lines are joined to paragraphs by their distance, size and indentation. Larger
// type makes headings, aligned cells make tables, bullets make lists.
//
// Repaired: ligatures become letters, words cut by a hyphen at a line end are joined unless
// the hyphenated form stands elsewhere in the document. Dropped: what is tagged as an
// artifact of the page, and lines at the top or bottom of a page that recur on most pages
// (digits aside), when there are at least four pages; glyphs that a viewer does not show, such as
// white ones on paper or those off the page, unless that is most of a page. Everything else is kept.
//
// A page's text cannot be found in the file's bytes, so it maps to the whole file
// ([lode.MapPage]) and sections carry the page. Files that need a password, that have no text
// layer (scans) or whose fonts do not say which characters they draw are refused with that
// reason, and so are files with any page that cannot be read: nothing is lost silently.
package pdf
