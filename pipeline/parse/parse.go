package parse

import (
	"context"

	"github.com/lodedb/lode"
)

// The media types that a parser exists for.
const (
	TypeText     = "text/plain"
	TypeMarkdown = "text/markdown"
	TypeHTML     = "text/html"
	TypePDF      = "application/pdf"
)

// Input is one document to parse.
type Input struct {
	Content   []byte // bronze; parsers read it and never change it
	MediaType string // as [Detect] returned it
	Name      string // file name or URI; a hint for error messages, may be empty
	Limits    Limits
}

// Parser turns one document into silver text. What it returns passes
// [lode.SilverText.Verify] against in.Content, is deterministic, and holds some text; a
// document without text is a [lode.CodeMalformed] error. A parser may panic or loop on
// hostile input: it runs in a worker process (see [Pool]).
type Parser func(ctx context.Context, in Input) (*lode.SilverText, error)

// Version names the parser of a media type and its revision, such as "markdown/1": part of
// the configuration fingerprint of runs. The revision grows whenever output changes. It is
// empty for a media type that has no parser.
func Version(mediaType string) string {
	switch mediaType {
	case TypeText:
		return "text/1"
	case TypeMarkdown:
		return "markdown/2"
	case TypeHTML:
		return "html/2"
	case TypePDF:
		return "pdf/2"
	}
	return ""
}
