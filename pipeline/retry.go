package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/lodedb/lode"
)

// Pauses between attempts, doubled each time.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 5 * time.Second
	sweepDelay = time.Second
)

// errInterrupted is returned when work ends without a verdict on the document: the job
// stays in the log.
var errInterrupted = errors.New("interrupted")

// transient reports whether the same call may succeed later and has changed nothing.
func transient(err error) bool {
	switch lode.CodeOf(err) {
	case lode.CodeUnavailable, lode.CodeOverloaded, lode.CodeNoStorage:
		return true
	}
	return false
}

// uncertain reports whether a call to the log may or may not have had its effect.
func uncertain(err error) bool {
	switch lode.CodeOf(err) {
	case lode.CodeOutcomeUnknown, lode.CodeTimeout, lode.CodeCanceled:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// lost reports whether the job is no longer ours: overtaken, finished or deleted.
func lost(err error) bool {
	switch lode.CodeOf(err) {
	case lode.CodeSuperseded, lode.CodeNotFound, lode.CodeConflict:
		return true
	}
	return false
}

// patiently repeats op while it fails for a passing reason, with growing pauses, until ctx
// ends; then it returns the last error.
func patiently(ctx context.Context, op func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := op()
		if err == nil || !transient(err) || !sleep(ctx, pause) {
			return err
		}
	}
}

// sleep reports whether the whole pause passed before ctx ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
