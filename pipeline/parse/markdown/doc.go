// Package markdown parses Markdown: CommonMark with the tables, task lists, strike-through
// and footnotes of GitHub.
//
// The text of blocks and spans maps to bronze exactly, since Markdown text mostly stands for
// itself; only character references are decoded. What becomes of each construct:
//
//	front matter        its title and language, else nothing (YAML, TOML, JSON in a comment)
//	heading             heading; attributes such as {#id} go
//	paragraph, quote    paragraph; soft breaks are spaces, hard breaks are lines
//	list                list, items with their own markers, two blanks of indentation a level
//	code block          code, without fence and language
//	table               table, one line a row, cells between " | "
//	link, image         their text and alternative text; addresses go
//	HTML                its text, as far as a reader would see it; hidden blocks that blank lines cut have a flag
//
// A block inside a list item that is no text (code, a table) is a section of its own, and the
// list goes on in a new section after it.
package markdown
