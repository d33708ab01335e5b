package provider

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace says when the next request may be sent. All callers share it.
type pace struct {
	limit *rate.Limiter
	mu    struct {
		sync.Mutex
		notBefore time.Time // as the provider asked
	}
}

func newPace(perSecond float64) *pace {
	p := &pace{limit: rate.NewLimiter(rate.Inf, 1)}
	if perSecond > 0 {
		p.limit.SetLimit(rate.Limit(perSecond))
	}
	return p
}

// wait returns when a request may be sent, or with ctx's error.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	pause := time.Until(p.mu.notBefore)
	p.mu.Unlock()
	if err := sleep(ctx, pause); err != nil {
		return err
	}
	return p.limit.Wait(ctx)
}

// hold keeps all callers back for a while.
func (p *pace) hold(pause time.Duration) {
	until := time.Now().Add(pause)
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.mu.notBefore) {
		p.mu.notBefore = until
	}
}

func sleep(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads how long the provider asks to wait, 0 when it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseInt(h.Get("Retry-After-Ms"), 10, 64); err == nil {
		return atMostDay(ms, time.Millisecond)
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return atMostDay(seconds, time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// atMostDay multiplies without overflow.
func atMostDay(n int64, unit time.Duration) time.Duration {
	const day = 24 * time.Hour
	if n > int64(day/unit) {
		return day
	}
	return max(0, time.Duration(n)*unit)
}

// exhausted reads how long there is nothing left of a rate limit, 0 when something is.
func exhausted(h http.Header) (pause time.Duration) {
	for _, what := range []string{"requests", "tokens"} {
		if h.Get("X-Ratelimit-Remaining-"+what) != "0" {
			continue
		}
		if d, err := time.ParseDuration(h.Get("X-Ratelimit-Reset-" + what)); err == nil {
			pause = max(pause, d)
		}
	}
	return pause
}
