package pipeline

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/lodedb/lode"
)

// Pipeline turns submitted documents into searchable chunks. Its methods may be called at
// the same time.
type Pipeline struct {
	o     Options
	waits waiters

	life sync.Mutex // serialises Start and Stop; taken before mu
	mu   struct {
		sync.Mutex
		session *session // nil while stopped
	}
}

// session is the time between a Start and its Stop, in which this node owns the jobs.
type session struct {
	queue    *queue
	memory   *semaphore.Weighted // bronze bytes that workers hold
	sweepNow chan struct{}       // a hint that a job was lost sight of; holds one
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// Stats says how much work there is.
type Stats struct {
	Waiting int   // jobs in the queue
	Running int   // jobs in work
	Bytes   int64 // bronze bytes counted against the queue's limit
}

// New returns a stopped pipeline. Wrong options are reported by Start.
func New(o Options) *Pipeline {
	o.EnsureDefaults()
	p := &Pipeline{o: o}
	p.waits.mu.waiting = map[waitKey]*waiter{}
	return p
}

// Start takes over the jobs that the log holds and begins to work. It is called when the
// node begins to lead the log; ctx bounds the call, not the work. Starting a pipeline that
// runs does nothing. When the log is not ready to list its jobs, the pipeline starts all
// the same and asks again.
func (p *Pipeline) Start(ctx context.Context) error {
	p.life.Lock()
	defer p.life.Unlock()
	if p.current() != nil {
		return nil
	}
	if err := p.o.Validate(); err != nil {
		return err
	}
	jobs, err := p.o.Collections.Jobs(ctx)
	if err != nil && !transient(err) {
		return err
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &session{
		queue:    newQueue(p.o.QueueDocuments, p.o.QueueBytes),
		memory:   semaphore.NewWeighted(p.o.WorkingBytes),
		sweepNow: make(chan struct{}, 1),
		cancel:   cancel,
	}
	if err != nil {
		s.sweepSoon()
	}
	resumed := s.queue.resume(jobs)
	for range p.o.Workers {
		s.wg.Go(func() { p.work(work, s) })
	}
	s.wg.Go(func() { p.sweep(work, s) })
	p.mu.Lock()
	p.mu.session = s
	p.mu.Unlock()
	p.o.Logger.Info("pipeline started", "workers", p.o.Workers, "resumed", resumed)
	return nil
}

// Stop cancels the work and waits until every worker has returned. Unfinished jobs stay in
// the log. Stopping a stopped pipeline does nothing.
func (p *Pipeline) Stop() {
	p.life.Lock()
	defer p.life.Unlock()
	p.mu.Lock()
	s := p.mu.session
	p.mu.session = nil
	p.mu.Unlock()
	if s == nil {
		return
	}
	s.queue.close()
	s.cancel()
	s.wg.Wait()
	p.o.Logger.Info("pipeline stopped")
}

// Stats returns the present load; all zero while stopped.
func (p *Pipeline) Stats() Stats {
	if s := p.current(); s != nil {
		return s.queue.stats()
	}
	return Stats{}
}

func (p *Pipeline) current() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.session
}

func (p *Pipeline) now() time.Time { return p.o.Clock().UTC() }

// sweep looks for jobs that the log holds and the queue does not: a submission whose
// outcome was unknown, a claim whose answer was lost.
func (p *Pipeline) sweep(ctx context.Context, s *session) {
	ticker := time.NewTicker(p.o.SweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.sweepNow:
			// What was lost may still be on its way through the log.
			if !sleep(ctx, sweepDelay) {
				return
			}
		}
		jobs, err := p.o.Collections.Jobs(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && transient(err):
			s.sweepSoon()
		case err != nil:
			p.o.Logger.Error("list jobs", "error", err)
		default:
			if added := s.queue.resume(jobs); added > 0 {
				p.o.Logger.Info("jobs found again", "count", added)
			}
		}
	}
}

func (s *session) sweepSoon() {
	select {
	case s.sweepNow <- struct{}{}:
	default:
	}
}

func errNotRunning() error {
	return lode.Errorf(lode.CodeUnavailable, "this node does not process documents at present").
		WithHint("try again, or ask the leader")
}
