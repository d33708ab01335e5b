package server

import (
	"context"
	"errors"
	"os"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline"
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

// ParseDocument turns bytes into silver text as a node with default settings does: what they
// are is found from the bytes, the declared media type and the file name, and they are parsed
// in a process of their own under the node's limits. It is for tools; the program must call
// [RunWorker] first.
func ParseDocument(ctx context.Context, content []byte, declared, name string) (*lode.SilverText, error) {
	if len(content) > DefaultMaxDocumentBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "content", len(content), "a document has at most %d bytes", DefaultMaxDocumentBytes)
	}
	mediaType, err := parse.Detect(content, declared, name)
	if err != nil {
		return nil, err
	}
	pool := parse.NewPool(parse.PoolOptions{
		Workers: 1, MemoryBytes: DefaultParseMemoryBytes, Timeout: DefaultParseTimeout, MaxInputBytes: DefaultMaxDocumentBytes,
	})
	text, err := pool.Parse(ctx, parse.Input{Content: content, MediaType: mediaType, Limits: parse.Limits{MaxPages: DefaultParseMaxPages}})
	return text, errors.Join(err, pool.Close())
}

// FlagChunks marks in the chunks of a text what a node would.
func FlagChunks(text *lode.SilverText, chunks []lode.Chunk) { pipeline.FlagChunks(text, chunks) }

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
