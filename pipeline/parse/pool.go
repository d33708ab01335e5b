package parse

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// The defaults of [PoolOptions].
const (
	DefaultMemoryBytes   = 512 << 20
	DefaultTimeout       = 30 * time.Second
	DefaultIdleAfter     = 30 * time.Second
	DefaultMaxInputBytes = 64 << 20
)

// memoryPoll is how often a busy worker's memory is looked at.
const memoryPoll = 20 * time.Millisecond

// documentsPerWorker bounds what leaks in a parsing library can add up to.
const documentsPerWorker = 1000

// PoolOptions says how documents are parsed. The zero value is ready for use.
type PoolOptions struct {
	// Command makes the command of a worker. The default runs this binary again, whose main
	// function must ask [IsWorker]. A command without Env gets a minimal environment.
	Command       func() *exec.Cmd
	Workers       int           // documents parsed at a time. The default is the number of CPUs.
	MemoryBytes   int64         // resident memory of a worker. The default is 512 MiB.
	Timeout       time.Duration // for one document. The default is 30 s.
	IdleAfter     time.Duration // a worker without work ends after this. The default is 30 s.
	MaxInputBytes int64         // of one document. The default is 64 MiB.
	Logger        *slog.Logger  // hears of workers that died. The default is silent.
}

// EnsureDefaults returns the options with each unset field at its default.
func (o PoolOptions) EnsureDefaults() PoolOptions {
	if o.Command == nil {
		o.Command = selfCommand
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = DefaultMemoryBytes
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.IdleAfter <= 0 {
		o.IdleAfter = DefaultIdleAfter
	}
	if o.MaxInputBytes <= 0 {
		o.MaxInputBytes = DefaultMaxInputBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Pool parses documents in worker processes, which it starts when there is work, keeps while
// there is more, and kills when a document takes too long or too much. Its methods may be
// called by several goroutines.
type Pool struct {
	o       PoolOptions
	slots   chan struct{} // one for each document being parsed
	closing chan struct{}
	wg      sync.WaitGroup // processes, calls and retiring workers
	closed  sync.Once

	mu struct { // no waiting under this lock
		sync.Mutex
		idle []*worker // the most recently used last
		shut bool
	}
}

// NewPool returns a pool. It starts no process before the first document.
func NewPool(o PoolOptions) *Pool {
	o = o.EnsureDefaults()
	return &Pool{o: o, slots: make(chan struct{}, o.Workers), closing: make(chan struct{})}
}

// Parse parses one document. Whatever a document does to its worker becomes a coded error of
// that document alone: [lode.CodeTimeout] when it took too long, [lode.CodeTooLarge] when it
// took too much memory or exceeds a limit, [lode.CodeMalformed] when the parser refused it or
// two workers crashed on it, [lode.CodeCanceled] when ctx ended, [lode.CodeOverloaded] when workers were
// twice killed from outside, [lode.CodeUnavailable] after Close, [lode.CodeInternal] when the
// worker broke the contract.
func (p *Pool) Parse(ctx context.Context, in Input) (*lode.SilverText, error) {
	if int64(len(in.Content)) > p.o.MaxInputBytes {
		return nil, TooLarge("input_bytes", int(p.o.MaxInputBytes))
	}
	if !p.enter() {
		return nil, errClosed
	}
	defer p.wg.Done()
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, contextError(ctx)
	case <-p.closing:
		return nil, errClosed
	}
	defer func() { <-p.slots }()
	in.Limits = in.Limits.EnsureDefaults()
	silver, died, err := p.attempt(ctx, in)
	if died {
		// The document may be innocent: an older one may have left damage behind, the machine
		// may be short of memory. A fresh worker decides.
		silver, _, err = p.attempt(ctx, in)
	}
	return silver, err
}

// Close kills the workers, lets calls of Parse return with an error, and waits for both.
func (p *Pool) Close() error {
	p.closed.Do(func() {
		p.mu.Lock()
		p.mu.shut = true
		idle := p.mu.idle
		p.mu.idle = nil
		p.mu.Unlock()
		close(p.closing)
		for _, w := range idle {
			w.idle.Stop()
			w.discard()
		}
		p.wg.Wait()
	})
	return nil
}

var errClosed = lode.Errorf(lode.CodeUnavailable, "parsers are shutting down")

// enter counts the caller in, unless the pool is closed.
func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.shut {
		return false
	}
	p.wg.Add(1)
	return true
}

// attempt parses the document in one worker. died says that the worker ended by itself or
// was killed by somebody else, not by this pool for breaking a limit.
func (p *Pool) attempt(ctx context.Context, in Input) (silver *lode.SilverText, died bool, err error) {
	w, err := p.take()
	if err != nil {
		return nil, false, lode.Errorf(lode.CodeInternal, "start parse worker: %w", err)
	}
	answer, err := p.watch(ctx, w, in)
	if err != nil {
		w.discard()
		p.o.Logger.Warn("parse worker lost", "media_type", in.MediaType, "bytes", len(in.Content), "code", lode.CodeOf(err), "documents", w.parsed)
		return nil, lode.IsCode(err, lode.CodeMalformed) || errors.Is(err, errKilled), err
	}
	w.parsed++
	p.give(w, answer.final)
	if answer.err != nil {
		return nil, false, answer.err
	}
	if err := check(answer.silver, in); err != nil {
		return nil, false, lode.Errorf(lode.CodeInternal, "parser of %s broke its contract: %w", in.MediaType, err)
	}
	return answer.silver, false, nil
}

// watch waits for the answer and kills the worker when it breaks a limit. An error means
// that the worker is lost.
func (p *Pool) watch(ctx context.Context, w *worker, in Input) (reply, error) {
	type outcome struct {
		answer reply
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		answer, err := w.exchange(in)
		done <- outcome{answer, err}
	}()
	timeout := time.NewTimer(p.o.Timeout)
	defer timeout.Stop()
	poll := time.NewTicker(memoryPoll)
	defer poll.Stop()
	var verdict error
	for verdict == nil {
		select {
		case o := <-done:
			if o.err != nil {
				return reply{}, p.autopsy(w, o.err)
			}
			return o.answer, nil
		case <-poll.C:
			if resident, ok := w.resident(); ok && resident > p.o.MemoryBytes {
				verdict = lode.FieldError(lode.CodeTooLarge, "memory_bytes", p.o.MemoryBytes, "parsing the document takes more memory than a worker may use")
			}
		case <-timeout.C:
			verdict = lode.FieldError(lode.CodeTimeout, "parse_timeout", p.o.Timeout, "parsing the document takes too long")
		case <-ctx.Done():
			verdict = contextError(ctx)
		case <-p.closing:
			verdict = errClosed
		}
	}
	w.kill()
	<-done
	return reply{}, verdict
}

// autopsy says what a broken exchange means. A damaged frame is the worker's doing; where
// the pipe broke, the way the process ended tells.
func (p *Pool) autopsy(w *worker, broken error) error {
	if errors.Is(broken, errFrame) {
		return lode.Errorf(lode.CodeInternal, "parse worker answered with a damaged frame")
	}
	_ = w.in.Close()
	w.awaitExit(stopGrace)
	if !w.gone() {
		return lode.Errorf(lode.CodeInternal, "parse worker closed its output: %w", io.ErrUnexpectedEOF)
	}
	return w.post()
}

// take returns an idle worker or starts one.
func (p *Pool) take() (*worker, error) {
	for {
		p.mu.Lock()
		n := len(p.mu.idle)
		if n == 0 {
			p.mu.Unlock()
			return startWorker(p.o, &p.wg)
		}
		w := p.mu.idle[n-1]
		p.mu.idle = p.mu.idle[:n-1]
		p.mu.Unlock()
		w.idle.Stop()
		if !w.gone() {
			return w, nil
		}
		w.discard()
	}
}

// give takes a worker back for the next document, or ends it.
func (p *Pool) give(w *worker, final bool) {
	p.mu.Lock()
	keep := !p.mu.shut && !final && w.parsed < documentsPerWorker
	if keep {
		p.mu.idle = append(p.mu.idle, w)
		w.idle = time.AfterFunc(p.o.IdleAfter, func() { p.retire(w) })
	}
	p.mu.Unlock()
	if !keep {
		w.discard()
	}
}

// retire ends a worker that was idle for long, unless it was taken meanwhile.
func (p *Pool) retire(w *worker) {
	p.mu.Lock()
	i := slices.Index(p.mu.idle, w)
	if i >= 0 {
		p.mu.idle = slices.Delete(p.mu.idle, i, i+1)
		p.wg.Add(1)
	}
	p.mu.Unlock()
	if i >= 0 {
		defer p.wg.Done()
		w.stop()
	}
}

// check holds a result against the contract of [Parser] and the limits: a worker that a
// document has taken over cannot put anything into silver that this does not allow.
func check(silver *lode.SilverText, in Input) error {
	switch l := in.Limits; {
	case len(silver.Text) > l.MaxTextBytes || len(silver.Sections) > l.MaxSections || len(silver.Runs) > l.MaxRuns:
		return lode.Errorf(lode.CodeTooLarge, "result exceeds the limits")
	case !utf8.ValidString(silver.Text) || !utf8.ValidString(silver.Title) || len(silver.Title) > 2*maxPathBytes:
		return lode.Errorf(lode.CodeMalformed, "text or title is not clean")
	case silver.Language != languageTag(silver.Language) || silver.Pages < 0 || silver.Pages > l.MaxPages:
		return lode.Errorf(lode.CodeMalformed, "language or page count is out of range")
	}
	for i := range silver.Sections {
		if err := checkSection(&silver.Sections[i], silver); err != nil {
			return err
		}
	}
	for i := range silver.Runs {
		if silver.Runs[i].Kind > lode.MapPage {
			return lode.Errorf(lode.CodeMalformed, "kind of run is not known")
		}
	}
	return silver.Verify(in.Content)
}

func checkSection(s *lode.Section, silver *lode.SilverText) error {
	switch s.Kind {
	case lode.SectionHeading, lode.SectionParagraph, lode.SectionList, lode.SectionTable, lode.SectionCode:
	default:
		return lode.Errorf(lode.CodeMalformed, "section kind is not known")
	}
	heading := s.Kind == lode.SectionHeading
	if heading != (s.Level != 0) || s.Level < 0 || s.Level > 6 || s.Page < 0 || s.Page > silver.Pages || len(s.Path) > 6 {
		return lode.Errorf(lode.CodeMalformed, "section level, page or path is out of range")
	}
	for _, name := range s.Path {
		if len(name) > 2*maxPathBytes || !utf8.ValidString(name) {
			return lode.Errorf(lode.CodeMalformed, "section path is not clean")
		}
	}
	if !s.Span.Within(len(silver.Text)) {
		return lode.Errorf(lode.CodeMalformed, "section span is out of range")
	}
	return nil
}

func contextError(ctx context.Context) error {
	cause := ctx.Err()
	if errors.Is(cause, context.DeadlineExceeded) {
		return lode.Errorf(lode.CodeTimeout, "parsing was cut short by the caller's deadline: %w", cause)
	}
	return lode.Errorf(lode.CodeCanceled, "parsing was canceled: %w", cause)
}
