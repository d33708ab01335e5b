package parse

import (
	"bytes"
	"mime"
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/lodedb/lode"
)

const (
	typeXHTML = "application/xhtml+xml"
	typeBytes = "application/octet-stream"
)

// headBytes is how far into a file the mark of its format may stand.
const headBytes = 1024

// Detect says which parser a document needs: [TypeText], [TypeMarkdown], [TypeHTML] or
// [TypePDF]. The content decides: it is what will be parsed, whatever anybody calls it.
// Among texts the bytes cannot tell Markdown from prose or source code, so there the
// declared media type and the extension of the name choose, the more specific first.
// Source code, CSV, JSON, XML and the like are text.
//
// Anything else is [lode.CodeUnsupportedMedia] with what was found as value.
func Detect(content []byte, declared, name string) (string, error) {
	if len(content) == 0 {
		return "", lode.Errorf(lode.CodeMalformed, "document is empty")
	}
	if isPDF(content) {
		return TypePDF, nil
	}
	found := sniff(content)
	if found == "" {
		found = mimetype.Detect(content).String()
		return "", unsupported(mediaType(found))
	}
	if message(mediaType(declared), extension(name)) {
		return "", unsupported("message/rfc822")
	}
	return refine(found, mediaType(declared), extension(name)), nil
}

func unsupported(found string) *lode.Error {
	if found == "" {
		found = typeBytes
	}
	return lode.FieldError(lode.CodeUnsupportedMedia, "media_type", found, "no parser for this media type").
		WithHint("supported are text, Markdown, HTML and PDF")
}

// isPDF looks for the header where readers accept it: within the first kilobyte. Where
// other bytes come first the end must look the part too; text may talk about PDF headers.
func isPDF(content []byte) bool {
	i := bytes.Index(content[:min(len(content), headBytes)], []byte("%PDF-"))
	return i == 0 || (i > 0 && bytes.Contains(content[max(0, len(content)-2*headBytes):], []byte("startxref")))
}

// sniff returns [TypeHTML] or [TypeText] for text, and nothing for what is not text.
func sniff(content []byte) string {
	found := mimetype.Detect(content)
	for m := found; m != nil; m = m.Parent() {
		switch {
		case m.Is("text/html"):
			return TypeHTML
		case m.Is("text/rtf"), m.Is("application/postscript"), m.Is("image/svg+xml"):
			return ""
		case m.Is("text/plain"):
			if looksHTML(content) {
				return TypeHTML
			}
			return TypeText
		}
	}
	if !found.Is(typeBytes) && !found.Is(TypePDF) {
		return ""
	}
	// Nothing known: UTF-16 and UTF-32 without a mark look like this. Or text that quotes the
	// header of a PDF.
	if d, err := Decode(content[:min(len(content), sampleBytes)&^3]); err == nil && len(d.Text) > 0 {
		if looksHTML(d.Text) {
			return TypeHTML
		}
		return TypeText
	}
	return ""
}

// looksHTML reports whether text begins with what only whole HTML documents begin with.
// XHTML is sniffed as XML, and HTML in UTF-16 as text.
func looksHTML(content []byte) bool {
	head := bytes.ToLower(bytes.ReplaceAll(content[:min(len(content), 2*headBytes)], []byte{0}, nil))
	return bytes.Contains(head, []byte("<!doctype html")) || bytes.Contains(head, []byte("<html"))
}

// refine chooses among the text types.
func refine(found, declared, ext string) string {
	switch declared {
	case TypeMarkdown, "text/x-markdown", "application/markdown":
		return TypeMarkdown
	case TypeHTML, typeXHTML:
		return TypeHTML
	}
	switch ext {
	case ".md", ".markdown", ".mdown", ".mkd", ".mkdn", ".mdx", ".qmd", ".rmd":
		return TypeMarkdown
	case ".html", ".htm", ".xhtml", ".xht", ".shtml":
		return TypeHTML
	}
	if declared == TypeText || textName(declared) || textExtensions[ext] {
		return TypeText
	}
	return found
}

// textName reports whether a declared type names a kind of text other than HTML.
func textName(declared string) bool {
	switch {
	case declared == "":
		return false
	case strings.HasPrefix(declared, "text/"), strings.HasSuffix(declared, "+json"), strings.HasSuffix(declared, "+xml"):
		return true
	}
	switch declared {
	case "application/json", "application/xml", "application/javascript", "application/yaml", "application/x-yaml",
		"application/toml", "application/sql", "application/x-sh", "application/x-ndjson":
		return true
	}
	return false
}

// textExtensions are files that stay text even where they begin like HTML.
var textExtensions = map[string]bool{
	".txt": true, ".text": true, ".log": true, ".csv": true, ".tsv": true, ".json": true, ".ndjson": true, ".jsonl": true,
	".xml": true, ".yaml": true, ".yml": true, ".toml": true, ".ini": true, ".conf": true, ".rst": true, ".adoc": true, ".org": true,
	".tex": true, ".go": true, ".rs": true, ".py": true, ".js": true, ".ts": true, ".jsx": true, ".tsx": true, ".java": true,
	".kt": true, ".c": true, ".h": true, ".cc": true, ".cpp": true, ".hpp": true, ".cs": true, ".rb": true, ".php": true,
	".swift": true, ".scala": true, ".sh": true, ".sql": true, ".css": true, ".lua": true, ".r": true, ".pl": true, ".proto": true,
	".vtt": true, ".srt": true, ".tmpl": true,
}

// message reports whether the document is declared to be an e-mail: text, but with encoded
// bodies and attachments that would be indexed as noise.
func message(declared, ext string) bool {
	return declared == "message/rfc822" || ext == ".eml" || ext == ".mbox"
}

// mediaType returns the type without parameters in lower case; nothing when it is no type.
func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil {
		t, _, _ = strings.Cut(strings.ToLower(s), ";")
		t = strings.TrimSpace(t)
	}
	if !strings.Contains(t, "/") {
		return ""
	}
	return t
}

// extension returns the extension of a file name or URI in lower case.
func extension(name string) string {
	name, _, _ = strings.Cut(name, "?")
	name, _, _ = strings.Cut(name, "#")
	return strings.ToLower(path.Ext(strings.ReplaceAll(name, `\`, "/")))
}
