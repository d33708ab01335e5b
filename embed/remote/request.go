package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// requester is the embedder of one request: it asks, checks, and asks again.
type requester struct {
	options Options
	shape   *shape
	url     string
	host    string
	client  *http.Client
	pace    *pace
}

var _ embed.Embedder = (*requester)(nil)

func (r *requester) Fingerprint() string { return r.options.Model }
func (r *requester) Dim() int            { return r.options.Dim }
func (r *requester) Static() bool        { return false }

// Embed implements [embed.Embedder] with one request, repeated until it is answered.
func (r *requester) Embed(ctx context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	body, err := r.body(kind, texts)
	if err != nil {
		return nil, err
	}
	var last *failure
	for attempt := 1; ; attempt++ {
		if r.pace.wait(ctx) != nil {
			return nil, r.ended(ctx, last)
		}
		vectors, fail := r.metered(ctx, body, texts)
		if fail == nil {
			return vectors, nil
		}
		fail.attempts = attempt
		if ctx.Err() != nil {
			return nil, r.ended(ctx, last)
		}
		if last = fail; !fail.again || attempt > r.options.MaxRetries {
			return nil, fail.error(r.host)
		}
		if err := r.pause(ctx, fail); err != nil {
			return nil, err
		}
	}
}

// body returns the request. A space stands for an empty text, which providers refuse.
func (r *requester) body(kind embed.Kind, texts []string) ([]byte, error) {
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
	body, err := encode(r.shape.body(r.options.Model, kind, dim, input))
	if err != nil {
		return nil, lode.Errorf(lode.CodeInternal, "encode request to provider %s: %w", r.host, err)
	}
	return body, nil
}

// metered sends the request once and reports it.
func (r *requester) metered(ctx context.Context, body []byte, texts []string) ([]lode.Vector, *failure) {
	report := embed.Request{Texts: len(texts)}
	for _, text := range texts {
		report.Bytes += int64(len(text))
	}
	start := time.Now()
	vectors, tokens, fail := r.once(ctx, body, texts, report.Bytes)
	report.Duration, report.Tokens = time.Since(start), tokens
	switch {
	case fail != nil && ctx.Err() != nil:
		report.Err = embed.ContextError(ctx)
	case fail != nil:
		report.Err = fail.error(r.host)
	case tokens == 0:
		report.Tokens, report.Estimated = embed.EstimateTokens(report.Bytes), true
	}
	embed.Report(ctx, report)
	return vectors, fail
}

// once sends the request and reads the answer.
func (r *requester) once(ctx context.Context, body []byte, texts []string, size int64) ([]lode.Vector, int64, *failure) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	secret := secrets{key: r.options.APIKey, texts: texts}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, transportFailure(ctx, r.options.Timeout, err, secret)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if r.options.APIKey != "" {
		r.shape.sign(request.Header, r.options.APIKey)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, 0, transportFailure(ctx, r.options.Timeout, err, secret)
	}
	defer response.Body.Close()
	if pause := exhausted(response.Header); pause > 0 {
		r.pace.hold(min(pause, r.options.MaxWait))
	}
	if response.StatusCode != http.StatusOK {
		f := statusFailure(response, secret)
		if f.refused && *r.options.SendDimensions && f.hint == "" && f.code == "" {
			f.hint = "a model that has one size only wants send_dimensions: false"
		}
		return nil, 0, f
	}
	limit := answerLimit(len(texts), r.options.Dim, size)
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, 0, transportFailure(ctx, r.options.Timeout, err, secret)
	}
	if int64(len(data)) > limit {
		return nil, 0, &failure{reason: "the answer is larger than it can be"}
	}
	vectors, tokens, err := r.shape.decode(data, len(texts), r.options.Dim)
	if err != nil {
		return nil, 0, decodeFailure(err, *r.options.SendDimensions)
	}
	return vectors, tokens, nil
}

// decodeFailure explains an answer that cannot be used.
func decodeFailure(err error, sent bool) *failure {
	f := &failure{reason: err.Error()}
	var dim wrongDim
	if errors.As(err, &dim) {
		f.hint = fmt.Sprintf("make the collection with dim %d", dim.got)
		if !sent {
			f.hint += ", or have the provider shorten vectors: send_dimensions"
		}
	}
	return f
}

// answerLimit bounds an answer: 32 bytes for a number, some room around it, and the texts,
// which Cohere repeats; a byte of them may be six of JSON.
func answerLimit(texts, dim int, size int64) int64 {
	return int64(texts)*(int64(dim)*32+1024) + 6*size + 64<<10
}

// pause waits before the next attempt, or says why there is none.
func (r *requester) pause(ctx context.Context, fail *failure) error {
	pause := min(r.options.Backoff<<min(fail.attempts-1, 16), r.options.MaxWait)
	pause = pause/2 + rand.N(pause+1) // half to one and a half
	if fail.after > r.options.MaxWait {
		fail.note = "it asks to wait " + fail.after.Round(time.Second).String()
		return fail.error(r.host)
	}
	pause = max(min(pause, r.options.MaxWait), fail.after)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
		fail.note = "the deadline leaves no time for another attempt"
		return fail.error(r.host)
	}
	if sleep(ctx, pause) != nil {
		return r.ended(ctx, fail)
	}
	return nil
}

// ended is the error of a call whose context ended, or would before it may send.
func (r *requester) ended(ctx context.Context, last *failure) error {
	switch {
	case ctx.Err() == context.Canceled:
		return embed.ContextError(ctx)
	case last != nil:
		last.note = "then the deadline passed"
		return last.error(r.host)
	}
	return lode.Errorf(lode.CodeTimeout, "embed texts: no answer from provider %s before the deadline: %w", r.host, context.DeadlineExceeded)
}
