package openai

import (
	"bytes"
	"context"
	"encoding/json"
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
func (r *requester) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	body, err := r.body(texts)
	if err != nil {
		return nil, err
	}
	var last *failure
	for attempt := 1; ; attempt++ {
		if r.pace.wait(ctx) != nil {
			return nil, r.ended(ctx, last)
		}
		vectors, fail := r.once(ctx, body, texts)
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
func (r *requester) body(texts []string) ([]byte, error) {
	input := make([]string, len(texts))
	for i, text := range texts {
		if input[i] = text; text == "" {
			input[i] = " "
		}
	}
	request := struct {
		Input      []string `json:"input"`
		Model      string   `json:"model"`
		Encoding   string   `json:"encoding_format"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{Input: input, Model: r.options.Model, Encoding: "base64"}
	if r.options.SendDimensions {
		request.Dimensions = r.options.Dim
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(request); err != nil {
		return nil, lode.Errorf(lode.CodeInternal, "encode request to provider %s: %w", r.host, err)
	}
	return b.Bytes(), nil
}

// once sends the request and reads the answer.
func (r *requester) once(ctx context.Context, body []byte, texts []string) ([]lode.Vector, *failure) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	secret := secrets{key: r.options.APIKey, texts: texts}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, transportFailure(ctx, r.options.Timeout, err, secret)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if r.options.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+r.options.APIKey)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, transportFailure(ctx, r.options.Timeout, err, secret)
	}
	defer response.Body.Close()
	if pause := exhausted(response.Header); pause > 0 {
		r.pace.hold(min(pause, r.options.MaxWait))
	}
	if response.StatusCode != http.StatusOK {
		return nil, statusFailure(response, secret)
	}
	limit := answerLimit(len(texts), r.options.Dim)
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, transportFailure(ctx, r.options.Timeout, err, secret)
	}
	if int64(len(data)) > limit {
		return nil, &failure{reason: "the answer is larger than it can be"}
	}
	vectors, err := decode(data, len(texts), r.options.Dim)
	if err != nil {
		return nil, &failure{reason: err.Error()}
	}
	return vectors, nil
}

// answerLimit bounds an answer: 32 bytes for a number and some room around it.
func answerLimit(texts, dim int) int64 { return int64(texts)*(int64(dim)*32+1024) + 64<<10 }

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
