package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// requester is the embedder of one request.
type requester struct {
	options Options
	shape   *shape
	client  *provider.Client
}

var _ embed.Embedder = (*requester)(nil)

func (r *requester) Fingerprint() string { return r.options.Model }
func (r *requester) Dim() int            { return r.options.Dim }
func (r *requester) Static() bool        { return false }

// Embed implements [embed.Embedder] with one request, repeated until it is answered. Each attempt is
// reported.
func (r *requester) Embed(ctx context.Context, kind embed.Kind, texts []string) (vectors []lode.Vector, err error) {
	size := int64(0)
	for _, text := range texts {
		size += int64(len(text))
	}
	tokens := int64(0)
	err = r.client.Ask(ctx, provider.Question{
		Body: r.body(kind, texts), Texts: texts, Limit: answerLimit(len(texts), r.options.Dim, size),
		Read: func(answer []byte) (err error) {
			vectors, tokens, err = r.shape.decode(answer, len(texts), r.options.Dim)
			return err
		},
		Hint: r.hint,
		Sent: func(took time.Duration, err error) {
			report := embed.Request{Texts: len(texts), Bytes: size, Tokens: tokens, Duration: took, Err: err}
			if err == nil && tokens == 0 {
				report.Tokens, report.Estimated = embed.EstimateTokens(size), true
			}
			embed.Report(ctx, report)
		},
	})
	if err != nil {
		return nil, err
	}
	return vectors, nil
}

// body is the request. A space stands for an empty text, which providers refuse.
func (r *requester) body(kind embed.Kind, texts []string) any {
	prefix := byKind(kind, r.options.DocumentPrefix, r.options.QueryPrefix)
	input := make([]string, len(texts))
	for i, text := range texts {
		if input[i] = prefix + text; input[i] == "" {
			input[i] = " "
		}
	}
	dim := 0
	if *r.options.SendDimensions {
		dim = r.options.Dim
	}
	return r.shape.body(r.options.Model, kind, dim, input)
}

// hint says what could be done about a request that was refused or an answer that cannot be used.
func (r *requester) hint(refused bool, err error) string {
	sent := *r.options.SendDimensions
	var dim wrongDim
	switch {
	case refused && sent:
		return "a model that has one size only wants send_dimensions: false"
	case !errors.As(err, &dim):
		return ""
	case sent:
		return fmt.Sprintf("make the collection with dim %d", dim.got)
	}
	return fmt.Sprintf("make the collection with dim %d, or have the provider shorten vectors: send_dimensions", dim.got)
}

// answerLimit bounds an answer: 32 bytes for a number, some room around it, and the texts,
// which Cohere repeats; a byte of them may be six of JSON.
func answerLimit(texts, dim int, size int64) int64 {
	return int64(texts)*(int64(dim)*32+1024) + 6*size + 64<<10
}
