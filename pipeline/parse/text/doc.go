// Package text parses plain text in any Unicode encoding.
//
// Paragraphs end at blank lines; a form feed begins a page. Lines keep their ends (as "\n")
// and their indentation, except that the first line of a paragraph loses it and white space
// at line ends goes: source code, tables made of blanks and verse stay readable. Text that
// needed no decoding maps to bronze exactly, other text in steps of a few words.
//
// How encodings are found is [parse.Decode]'s business. Structure that a text only hints at
// (underlined headings, bullets) is not guessed: that is what Markdown is for.
package text
