package pipeline

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
)

// maxReasonBytes bounds the reason that a quarantined version carries.
const maxReasonBytes = 500

// commit stages the product and makes it visible. A stageError says that the log refuses
// this document for good; an error that the job is lost or was interrupted.
func (t *task) commit(ctx context.Context) (*stageError, error) {
	start := t.p.now()
	parts, err := t.stage(ctx)
	if err == nil {
		completion := t.completion(start, parts)
		err = t.persist(ctx, func() error { return t.p.o.Collections.Complete(ctx, completion) })
	}
	t.p.stageDone(lode.StageCommit, t.p.now().Sub(start), int64(len(t.product.encoded)), err)
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil || errors.Is(err, errInterrupted) || lost(err):
		return nil, err
	}
	return &stageError{stage: lode.StageCommit, err: err}, nil
}

// stage stores silver and chunks out of sight; their order does not matter.
func (t *task) stage(ctx context.Context) (parts int, err error) {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return t.persist(ctx, func() (err error) {
			parts, err = t.p.o.Collections.StageSilver(ctx, t.job, t.product.encoded)
			return err
		})
	})
	both.Go(func() error {
		return t.persist(ctx, func() error { return t.p.o.Collections.StageChunks(ctx, t.job, t.product.staged) })
	})
	err = both.Wait()
	return parts, err
}

// completion is fixed once: sent again it is the same.
func (t *task) completion(start time.Time, parts int) lode.Completion {
	now := t.p.now()
	run := lode.Run{
		Stage:    lode.StageCommit,
		Start:    start,
		Duration: now.Sub(start),
		Inputs:   []lode.Hash{t.product.gold, t.product.vectors},
		Outputs:  []lode.Hash{t.product.gold},
		Counts:   map[string]int64{"silver_parts": int64(parts), "chunks": int64(len(t.product.staged))},
	}
	return lode.Completion{
		Job:         t.job,
		Title:       t.product.title,
		Language:    t.product.language,
		Silver:      t.product.silver,
		SilverParts: parts,
		Gold:        t.product.gold,
		Chunks:      len(t.product.staged),
		Runs:        append(t.product.runs, run),
		At:          now,
	}
}

// quarantine records why the document failed. Its bytes and its older version stay.
func (t *task) quarantine(ctx context.Context, s *stageError) error {
	t.log.Warn("document quarantined", "stage", s.stage, "code", lode.CodeOf(s.err), "error", s.err)
	failure := lode.Failure{Stage: s.stage, Code: lode.CodeOf(s.err), Reason: reasonOf(s.err), At: t.p.now()}
	return t.persist(ctx, func() error {
		return t.p.o.Collections.Fail(ctx, t.job, failure, t.product.runs)
	})
}

// reasonOf says in one bounded line why a document failed. Only coded messages are
// repeated: values and causes may hold text of the document.
func reasonOf(err error) string {
	var e *lode.Error
	if !errors.As(err, &e) {
		return "internal error; the log of the node says more"
	}
	reason := e.Message
	if e.Field != "" {
		reason += " (" + e.Field + ")"
	}
	if e.Hint != "" {
		reason += "; " + e.Hint
	}
	return cut(reason, maxReasonBytes)
}
