package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// fetchBar shows how far the files of a model are: a bar for each on a terminal, a plain line
// now and then elsewhere, nothing with --output json.
type fetchBar struct {
	terminal io.Writer // nil: none
	lines    io.Writer // nil: none
	bar      *progressbar.ProgressBar
	file     string
	shown    time.Time
}

func newFetchBar(std streams) *fetchBar {
	switch {
	case std.json:
		return &fetchBar{}
	case isTerminal(std.err):
		return &fetchBar{terminal: std.err}
	}
	return &fetchBar{lines: std.err}
}

// set says how far a file is.
func (b *fetchBar) set(file string, done, total int64) {
	if b.terminal != nil {
		if b.file != file {
			b.done()
			b.bar = progressbar.NewOptions64(max(total, 1), progressbar.OptionSetWriter(b.terminal), progressbar.OptionSetDescription(file),
				progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond))
		}
		_ = b.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
	}
	if b.lines != nil && (done == total || time.Since(b.shown) >= lineInterval) {
		b.shown = time.Now()
		fmt.Fprintf(b.lines, "%s: %s of %s\n", file, formatBytes(done), formatBytes(total))
	}
	b.file = file
}

// done ends the line of the file before.
func (b *fetchBar) done() {
	if b.bar != nil {
		fmt.Fprintln(b.terminal)
		b.bar = nil
	}
}
