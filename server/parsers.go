package server

import (
	"context"
	"os"

	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/html"
	"github.com/lodedb/lode/pipeline/parse/markdown"
	"github.com/lodedb/lode/pipeline/parse/pdf"
	"github.com/lodedb/lode/pipeline/parse/text"
)

// parserFor chooses the parser of a media type, as parse.Detect names it.
func parserFor(mediaType string) (parse.Parser, bool) {
	switch mediaType {
	case "text/plain":
		return text.Parse, true
	case "text/markdown":
		return markdown.Parse, true
	case "text/html":
		return html.Parse, true
	case "application/pdf":
		return pdf.Parse, true
	}
	return nil, false
}

// RunWorker serves documents over standard input and output when this process was started
// as a parser process, and reports whether it was. Programs and test binaries that open a
// node call it first:
//
//	if done, err := server.RunWorker(); done { … }
func RunWorker() (done bool, err error) {
	if !parse.IsWorker() {
		return false, nil
	}
	return true, parse.Serve(context.Background(), os.Stdin, os.Stdout, parserFor)
}
