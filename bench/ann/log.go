package ann

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// sometimes is the pause between two lines about one piece of long work.
const sometimes = 10 * time.Second

// Log writes lines about progress, each with the time since the start. A nil Log is silent.
type Log struct {
	mu    sync.Mutex
	w     io.Writer
	begun time.Time
	last  time.Time
}

// NewLog starts a log.
func NewLog(w io.Writer) *Log { return &Log{w: w, begun: time.Now(), last: time.Now()} }

// Line writes a line.
func (l *Log) Line(format string, args ...any) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(format, args...)
}

// Sometimes writes a line unless another was written in the last ten seconds.
func (l *Log) Sometimes(format string, args ...any) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.last) >= sometimes {
		l.line(format, args...)
	}
}

func (l *Log) line(format string, args ...any) {
	l.last = time.Now()
	fmt.Fprintf(l.w, "%7.1fs  %s\n", time.Since(l.begun).Seconds(), fmt.Sprintf(format, args...))
}
