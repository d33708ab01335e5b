package server

import (
	"slices"
	"sync"
	"time"

	"github.com/lodedb/lode/internal/vfs"
)

// latencyWindow is how many of the newest calls a [latency] remembers.
const latencyWindow = 1024

// latency remembers how long the newest calls took.
type latency struct {
	mu    sync.Mutex
	newer [latencyWindow]time.Duration // a ring
	calls int                          // ever
}

func (l *latency) add(d time.Duration) {
	l.mu.Lock()
	l.newer[l.calls%latencyWindow] = d
	l.calls++
	l.mu.Unlock()
}

// quantiles returns the time that half, and that all but one in a hundred of the newest calls
// stayed within; n is how many calls that is said of.
func (l *latency) quantiles() (p50, p99 time.Duration, n int) {
	l.mu.Lock()
	n = min(l.calls, latencyWindow)
	sorted := slices.Clone(l.newer[:n])
	l.mu.Unlock()
	if n == 0 {
		return 0, 0, 0
	}
	slices.Sort(sorted)
	return sorted[(n-1)/2], sorted[(n*99+99)/100-1], n
}

// latencies are those of what must be durable before anything is acknowledged.
type latencies struct {
	log       latency // appends, sync included
	catalogue latency // commits, sync included
	files     latency // syncs of the files that hold received bytes
}

// called hears of every call on the disk that returned.
func (l *latencies) called(c vfs.Call, d time.Duration) {
	switch c.Op {
	case "sync":
		l.files.add(d)
	case "commit":
		l.catalogue.add(d)
	}
}
