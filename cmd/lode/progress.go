package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// lineInterval is the pause between two progress lines where there is no terminal.
const lineInterval = 5 * time.Second

// progress shows how far an ingest is: a bar with rate and remaining time on a terminal,
// a plain line now and then elsewhere, nothing with --output json.
type progress struct {
	bar   *progressbar.ProgressBar
	lines io.Writer
	start time.Time

	mu struct {
		sync.Mutex
		files, allFiles int
		bytes, allBytes int64
		shown           time.Time
	}
}

func newProgress(std streams, files []file) *progress {
	p := &progress{start: time.Now()}
	p.mu.allFiles, p.mu.shown = len(files), time.Now()
	for _, f := range files {
		p.mu.allBytes += f.size
	}
	switch {
	case std.json:
	case isTerminal(std.err):
		p.bar = progressbar.NewOptions64(max(p.mu.allBytes, 1), progressbar.OptionSetWriter(std.err),
			progressbar.OptionSetDescription(fmt.Sprintf("%d documents", len(files))),
			progressbar.OptionShowBytes(true), progressbar.OptionShowElapsedTimeOnFinish(),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	default:
		p.lines = std.err
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// done counts files and their bytes as finished.
func (p *progress) done(files int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.files += files
	p.mu.bytes += bytes
	if p.bar != nil {
		_ = p.bar.Add64(bytes) // a bar that cannot be drawn is no reason to stop
	}
	if p.lines == nil || time.Since(p.mu.shown) < lineInterval {
		return
	}
	p.mu.shown = time.Now()
	elapsed := time.Since(p.start)
	left := time.Duration(0)
	if p.mu.bytes > 0 {
		left = time.Duration(float64(elapsed) * float64(p.mu.allBytes-p.mu.bytes) / float64(p.mu.bytes))
	}
	fmt.Fprintf(p.lines, "%d of %d documents, %s of %s, %.1f MB/s, %s left\n", p.mu.files, p.mu.allFiles,
		formatBytes(p.mu.bytes), formatBytes(p.mu.allBytes), float64(p.mu.bytes)/1e6/elapsed.Seconds(), left.Round(time.Second))
}

// finish clears the bar.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
