package backup

import (
	"context"
	"io"
	"time"
)

// Bounds of the work between two rests, and of a rest.
const (
	restAfter   = 5 * time.Millisecond
	longestRest = time.Second
)

// pace makes a worker rest for as long as it worked, so that it takes at most half of a CPU
// and of the disk. Only one goroutine uses it. Where nobody needs the machine it does
// nothing.
type pace struct {
	ctx    context.Context
	gentle bool
	since  time.Time // when the work began
}

func (r *Repository) newPace(ctx context.Context) *pace {
	return &pace{ctx: ctx, gentle: r.Gentle, since: time.Now()}
}

// pause rests when there was enough work. It returns an error when the work is to end.
func (p *pace) pause() error {
	if err := p.ctx.Err(); err != nil || !p.gentle || time.Since(p.since) < restAfter {
		return err
	}
	return p.end()
}

// end rests after the last of the work.
func (p *pace) end() error {
	if !p.gentle {
		return nil
	}
	select {
	case <-time.After(min(time.Since(p.since), longestRest)):
		p.since = time.Now()
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// pacedWriter rests between writes.
type pacedWriter struct {
	w    io.Writer
	rest *pace
}

func (w *pacedWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err == nil {
		err = w.rest.pause()
	}
	return n, err
}
