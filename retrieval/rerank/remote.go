package rerank

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
	"github.com/lodedb/lode/internal/tokens"
)

// Remote asks a service for scores. Its contributions are one, "rerank": the service does not say
// more. A call is split into requests of bounded size; the scores of one query can be compared over
// requests where the service looks at each passage by itself, as those of the four protocols do
// unless their model ranks lists.
//
// Passages are cut rather than refused when they are too long: what is cut of one here is lost to
// nobody, and its beginning says most. A service is asked to do likewise. An answer is used only if
// it has exactly one finite score for each passage; anything else is an error, never a guess.
//
// How requests are repeated, and what errors hide, is package internal/provider's. Each attempt is
// reported to the meter of the context (see [embed.WithMeter]), with the passages as its texts.
type Remote struct {
	o      Options
	shape  *shape
	client *provider.Client
	slots  chan struct{} // one token for each running request, of all callers
}

var _ Ranker = (*Remote)(nil)

// NewRemote returns a ranker that asks a service. It sends nothing yet. Close releases its
// connections.
func NewRemote(o Options) (*Remote, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	client, err := provider.New(o.Provider)
	if err != nil {
		return nil, err
	}
	return &Remote{o: o, shape: shapes[o.API], client: client, slots: make(chan struct{}, o.Provider.Concurrency)}, nil
}

// Name implements [Ranker].
func (r *Remote) Name() string { return r.o.Name }

// Close releases idle connections. It may be called twice.
func (r *Remote) Close() error { return r.client.Close() }

// Rank implements [Ranker].
func (r *Remote) Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	if len(ps) == 0 {
		return nil, ended(ctx)
	}
	query = sendable(query, r.o.QueryTokens)
	texts := make([]string, len(ps))
	for i := range ps {
		texts[i] = sendable(whole(&ps[i], r.o.PassageTokens), r.o.PassageTokens)
	}
	out := make([]lode.RerankScore, len(ps))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(r.o.Provider.Concurrency)
	for start := 0; start < len(texts) && inner.Err() == nil; {
		end := r.end(tokens.Count(query), texts, start)
		batch, to := texts[start:end], out[start:end]
		group.Go(func() error { return r.ask(inner, query, batch, to) })
		start = end
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ended(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// sendable is a text as services take it: valid, of at most so many tokens, and not empty, for which
// a space stands.
func sendable(text string, most int) string {
	text = tokens.Truncate(strings.ToValidUTF8(text, "\ufffd"), most)
	if strings.TrimSpace(text) == "" {
		return " "
	}
	return text
}

// end returns where the request that begins at start ends.
func (r *Remote) end(query int, texts []string, start int) int {
	size := query + tokens.Count(texts[start])
	end := start + 1
	for end < len(texts) && end-start < r.o.BatchPassages {
		if size += query + tokens.Count(texts[end]); size > r.o.BatchTokens {
			break
		}
		end++
	}
	return end
}

// ask sends one request, and again until it is answered.
func (r *Remote) ask(ctx context.Context, query string, texts []string, to []lode.RerankScore) error {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return ended(ctx)
	}
	size := int64(len(query) * len(texts)) // a model reads the query with each passage
	for _, text := range texts {
		size += int64(len(text))
	}
	var scores []float64
	var counted int64
	err := r.client.Ask(ctx, provider.Question{
		Body: r.shape.body(&r.o, query, texts), Texts: append([]string{query}, texts...), Limit: answerLimit(len(texts), size),
		Read: func(answer []byte) (err error) {
			scores, counted, err = r.shape.read(answer, len(texts))
			counted = max(counted, 0)
			return err
		},
		Sent: func(took time.Duration, err error) {
			report := embed.Request{Texts: len(texts), Bytes: size, Tokens: counted, Duration: took, Err: err}
			if err == nil && counted == 0 {
				report.Tokens, report.Estimated = embed.EstimateTokens(size), true
			}
			embed.Report(ctx, report)
		},
	})
	for i, score := range scores {
		to[i] = opaque(score)
	}
	return err
}

// answerLimit bounds an answer: a score with what is around it, and the passages, which some repeat
// though they are asked not to; a byte of them may be six of JSON.
func answerLimit(passages int, size int64) int64 { return int64(passages)*1024 + 6*size + 64<<10 }
