package main

import (
	"fmt"
	"io"
	"time"
)

// tally says on standard error how far a run is: one line that is written over on a terminal, a line
// now and then elsewhere, nothing with --output json. Calls must not overlap.
type tally struct {
	to       io.Writer // nil: nobody
	what     string
	terminal bool
	shown    time.Time
}

func newTally(std streams, what string) *tally {
	t := &tally{what: what, terminal: isTerminal(std.err), shown: time.Now()}
	if !std.json {
		t.to = std.err
	}
	return t
}

// at says that so many of all are done.
func (t *tally) at(done, all int) {
	pause := lineInterval
	if t.terminal {
		pause = 100 * time.Millisecond
	}
	if t.to == nil || time.Since(t.shown) < pause {
		return
	}
	t.shown = time.Now()
	if t.terminal {
		fmt.Fprintf(t.to, "\r\x1b[K%d of %d %s", done, all, t.what)
		return
	}
	fmt.Fprintf(t.to, "%d of %d %s\n", done, all, t.what)
}

// finish clears the line.
func (t *tally) finish() {
	if t.to != nil && t.terminal {
		fmt.Fprint(t.to, "\r\x1b[K")
	}
}
