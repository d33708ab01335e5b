package client

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Bounds of the pauses between attempts.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	mostObeyed   = time.Minute // of a Retry-After header
)

// backoff doubles from attempt to attempt; half of it is chance, so that many clients do
// not come back at the same moment.
func backoff(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), longestPause)
	return d/2 + rand.N(d/2)
}

// sleep reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// transportError is a request without an answer. One that was never sent may always be
// repeated.
func (c *Client) transportError(ctx context.Context, k call, err error) (pause time.Duration, _ error) {
	if ctx.Err() != nil {
		return never, contextError(ctx.Err())
	}
	var coded *lode.Error // from the body of an upload: a file that cannot be read
	if errors.As(err, &coded) {
		return never, coded
	}
	refused := errors.Is(err, syscall.ECONNREFUSED)
	var about *url.Error // says again where the request went
	if errors.As(err, &about) {
		err = about.Err
	}
	message := "the connection to " + c.base + " broke"
	if refused {
		message = "nothing answers at " + c.base
	}
	wrapped := &lode.Error{Code: lode.CodeUnavailable, Message: message, Err: err}
	if refused {
		return whenever, wrapped.WithHint("is the server running? start it with: lode serve")
	}
	if k.repeatable {
		return whenever, wrapped
	}
	wrapped.Code = lode.CodeOutcomeUnknown
	return never, wrapped
}

func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &lode.Error{Code: lode.CodeTimeout, Message: "the deadline of the call passed", Err: err}
	}
	return &lode.Error{Code: lode.CodeCanceled, Message: "the call was canceled", Err: err}
}

// retryPause is how long to wait before a request that was answered with a problem is sent
// again.
func retryPause(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return never
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return whenever
	}
	return min(time.Duration(seconds)*time.Second, mostObeyed)
}

// problemError reads problem details. An answer without them did not come from Lode, or
// from a proxy before it.
func problemError(resp *http.Response, body []byte) error {
	var p v1.Problem
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType == v1.MediaTypeProblem && json.Unmarshal(body, &p) == nil && p.Code != "" {
		err := p.Err()
		if p.Code == lode.CodeInternal && p.RequestID != "" {
			err.Hint = "the log of the node holds the rest under request_id " + p.RequestID
		}
		return err
	}
	return lode.Errorf(codeOfStatus(resp.StatusCode), "the server answered %s without problem details", resp.Status)
}

// codeOfStatus guesses a code where only a status is known.
func codeOfStatus(status int) lode.Code {
	for _, info := range v1.Codes() {
		if info.Status == status {
			return info.Code
		}
	}
	return lode.CodeInternal
}
