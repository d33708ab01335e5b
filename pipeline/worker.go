package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/lodedb/lode"
)

// task is one attempt at one job, by one worker.
type task struct {
	p   *Pipeline
	s   *session
	log *slog.Logger

	job        lode.Job // under the epoch that is ours
	version    lode.DocVersion
	collection lode.Collection
	product    product
}

// work processes jobs until the queue is closed.
func (p *Pipeline) work(ctx context.Context, s *session) {
	for {
		e, ok := s.queue.next()
		if !ok {
			return
		}
		end := p.process(ctx, s, e)
		s.queue.finish(e)
		p.waits.wake(waitKey{doc: e.job.Doc, version: e.job.Version})
		if p.o.Events.JobDone != nil {
			var age time.Duration
			if !e.received.IsZero() {
				age = p.now().Sub(e.received)
			}
			p.o.Events.JobDone(end, age)
		}
	}
}

// process brings one job to its end. A panic costs this attempt only: the job stays in the
// log.
func (p *Pipeline) process(ctx context.Context, s *session, e *entry) (end JobEnd) {
	t := &task{p: p, s: s, job: e.job}
	t.log = p.o.Logger.With("collection", uint64(e.job.Collection), "doc", uint64(e.job.Doc), "version", uint32(e.job.Version))
	defer func() {
		if r := recover(); r != nil {
			t.logPanic("job", r)
			end = JobInterrupted
		}
	}()
	end, err := t.run(ctx, e.owned)
	switch {
	case err == nil:
		return end
	case ctx.Err() != nil || err == errInterrupted:
		return JobInterrupted
	case lost(err):
		t.log.Debug("job dropped", "code", lode.CodeOf(err))
		return JobDropped
	default:
		t.log.Error("job left in the log", "error", err)
		return JobInterrupted
	}
}

// run owns the job, makes the product and tells the log how it went. An error means that
// the log holds no verdict of ours.
func (t *task) run(ctx context.Context, owned bool) (JobEnd, error) {
	if !owned {
		if err := t.claim(ctx); err != nil {
			return "", err
		}
	}
	if err := t.load(ctx); err != nil {
		return "", err
	}
	// The bytes of all workers together are bounded; one document may always be read.
	weight := min(t.version.Size, t.p.o.WorkingBytes)
	if err := t.s.memory.Acquire(ctx, weight); err != nil {
		return "", errInterrupted
	}
	defer t.s.memory.Release(weight)
	failure, err := t.refine(ctx)
	if err == nil && failure == nil {
		failure, err = t.commit(ctx)
	}
	switch {
	case err != nil:
		return "", err
	case failure != nil:
		return JobQuarantined, t.quarantine(ctx, failure)
	}
	return JobReady, nil
}

// claim takes the job over under a new epoch. When the answer is lost the epoch is
// unknown, and only the list of jobs can tell it.
func (t *task) claim(ctx context.Context) error {
	err := patiently(ctx, func() error {
		claimed, err := t.p.o.Collections.Claim(ctx, t.job)
		if err == nil {
			t.job = claimed
		}
		return err
	})
	if err != nil && uncertain(err) {
		t.s.sweepSoon()
		return errInterrupted
	}
	return err
}

func (t *task) load(ctx context.Context) error {
	return patiently(ctx, func() (err error) {
		_, t.version, t.collection, err = t.p.o.Collections.Version(ctx, t.job)
		return err
	})
}

// persist repeats a write to the log until the log gives a definite answer. Every write of
// a job may be made twice: see [Collections].
func (t *task) persist(ctx context.Context, write func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := write()
		if err == nil || ctx.Err() != nil || !transient(err) && !uncertain(err) {
			return err
		}
		t.log.Warn("log is not available", "code", lode.CodeOf(err), "pause", pause)
		if !sleep(ctx, pause) {
			return errInterrupted
		}
	}
}

// logPanic logs where a panic came from. The panic's own text is logged for runtime errors
// only: others may quote the document.
func (t *task) logPanic(where string, r any) {
	what := fmt.Sprintf("%T", r)
	if err, ok := r.(runtime.Error); ok {
		what = err.Error()
	}
	t.log.Error("panic", "in", where, "panic", what, "stack", string(debug.Stack()))
}

func (p *Pipeline) stageDone(stage lode.Stage, d time.Duration, bytes int64, err error) {
	if p.o.Events.StageDone != nil {
		p.o.Events.StageDone(stage, d, bytes, err)
	}
}
