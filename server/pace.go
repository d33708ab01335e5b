package server

import (
	"context"
	"sync"
	"time"

	"github.com/lodedb/lode/retrieval"
)

// pace slows work in the background down while searches suffer from it: the building of graphs
// and of segments' files, and the copying of the catalogue. It compares how long searches take
// beside a build with how long they take when nothing is built, which is also seen in the
// pauses. A build is never stopped for good: a pause is at most pausePerWork times as long as the
// work before it, so that it takes a few times as long at worst.
type pace struct {
	mu      sync.Mutex
	builds  int           // under way
	paused  bool          // all of them are in a pause
	calm    time.Time     // since when nothing is built, while that is so
	quiet   time.Duration // moving mean of searches while nothing is built, 0: not known
	beside  time.Duration // sum of searches beside a build since the last look
	count   int           // of them
	looked  time.Time
	resting sync.Mutex // held during a pause; who works waits for it
}

const (
	lookInterval = 5 * time.Millisecond // between two looks at what searches take
	suffering    = 1.5                  // times the quiet mean: what searches may take beside a build
	pausePerWork = 3
	longestPause = 100 * time.Millisecond
	quietWeight  = 32 // searches that the mean of quiet ones remembers
)

// stepDone hears of every step of a question.
func (s *Server) stepDone(step retrieval.Step, d time.Duration, err error) {
	if step == retrieval.StepDense && err == nil {
		s.pace.searched(time.Now(), d)
	}
}

// searched hears of a search that ended now.
func (p *pace) searched(now time.Time, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.builds > 0 && (!p.paused || now.Sub(p.calm) < d): // in a pause, one that began before it
		p.beside += d
		p.count++
	case now.Sub(p.calm) < d: // it began beside the last build
	case p.quiet == 0:
		p.quiet = d
	default:
		p.quiet += (d - p.quiet) / quietWeight
	}
}

// begin says that a graph is being built, until the function that it returns is called.
func (p *pace) begin() (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.builds++
	p.looked, p.beside, p.count = time.Now(), 0, 0
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.builds--; p.builds == 0 {
			p.calm = time.Now()
		}
	}
}

// work is begin for those who are told when to yield and when they end.
func (p *pace) work(ctx context.Context) (yield, end func()) {
	return func() { p.yield(ctx) }, p.begin()
}

// yield is called by those who build, every few milliseconds. It returns when they may go on,
// or ctx ends.
func (p *pace) yield(ctx context.Context) {
	p.resting.Lock()
	defer p.resting.Unlock()
	rest := p.due(time.Now())
	if rest == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(rest):
	}
	p.resume(time.Now())
}

// due says how long a pause is due, and begins it.
func (p *pace) due(now time.Time) (rest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	worked := now.Sub(p.looked)
	if worked < lookInterval {
		return 0
	}
	n, beside := p.count, p.beside
	p.looked, p.beside, p.count = now, 0, 0
	if n == 0 || p.quiet > 0 && float64(beside) <= suffering*float64(p.quiet)*float64(n) {
		return 0
	}
	p.paused, p.calm = true, now
	return min(pausePerWork*worked, longestPause)
}

func (p *pace) resume(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused, p.looked = false, now // searches that suffered until the pause began are still to be paid for
}
