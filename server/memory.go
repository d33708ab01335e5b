package server

import (
	"math"
	"os"
	"runtime/debug"
	rtmetrics "runtime/metrics"
	"sync/atomic"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
)

// NoMemoryLimit is the value of [Config].MemoryBytes that sets no limit.
const NoMemoryLimit = -1

// How the memory limit is divided, in percent. What request bodies become on their way (the
// raw body, the decoded document, what the collector has not freed yet) is about three times
// as large as they are.
const (
	autoPercent    = 80 // of the memory of machine or container; the rest is for parsers and the page cache
	heapPercent    = 90 // of the limit, from where on the collector works as hard as it must
	dataPercent    = 60 // for what the collections hold in memory
	bodiesPercent  = 10 // for request bodies
	workingPercent = 5  // for bytes of documents that are being processed
)

// share is a part of the limit, at most the value that holds without one.
func share(limit int64, percent int64, most int64) int64 {
	if limit == 0 {
		return most
	}
	return min(limit/100*percent, most)
}

// memoryLimit returns the limit in force, 0 for none. What a container may use stands in one of
// two kinds of control groups, each with levels that bound each other and mounts that hide
// some of them; automemlimit knows all of it.
func memoryLimit(configured int64) int64 {
	if configured == NoMemoryLimit {
		return 0
	}
	if configured > 0 {
		return configured
	}
	limit := uint64(math.MaxInt64)
	for _, of := range []memlimit.Provider{memlimit.FromCgroup, memlimit.FromSystem} {
		if found, err := of(); err == nil && found > 0 {
			limit = min(limit, found)
		}
	}
	if limit == math.MaxInt64 {
		return 0
	}
	return int64(limit / 100 * autoPercent)
}

// MemoryLimit is the limit in force, 0 for none.
func (c *Config) MemoryLimit() int64 { return memoryLimit(c.MemoryBytes) }

// LimitMemory tells the collector of this process the limit of a configuration. It is for the
// program that runs one node; GOMEMLIMIT in the environment comes before it.
func LimitMemory(cfg *Config) {
	if limit := memoryLimit(cfg.MemoryBytes); limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 100 * heapPercent)
	}
}

// heap reads figures of the run-time that cost next to nothing.
type heap struct {
	Live    int64 // reachable at the end of the newest collection
	Objects int64 // live and dead
}

func readHeap() heap {
	samples := []rtmetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	rtmetrics.Read(samples)
	return heap{int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())}
}

// limitMemory divides the limit.
func (s *Server) limitMemory() {
	limit := memoryLimit(s.cfg.MemoryBytes)
	s.uploads.limit = max(share(limit, bodiesPercent, api.DefaultMaxBodiesBytes), s.cfg.MaxBodyBytes)
	s.memory = memory{limit: limit, bodies: &s.uploads.held}
	if limit > 0 {
		s.memory.share = limit / 100 * dataPercent
	}
}

// memory is what the room asks: what the collections hold in memory, as the collector last
// saw it, without request bodies. The collector runs rarely on a quiet node; whoever waits
// for memory to come free has it run.
type memory struct {
	limit  int64 // of the process; 0: none
	share  int64 // of it for the data
	bodies *atomic.Int64
}

// admit refuses to load what would take more than the share that is left.
func (m *memory) admit(bytes int64) error {
	if used, share := m.data(); share > 0 && used+bytes > share {
		return lode.Errorf(lode.CodeOverloaded, "this takes about %d bytes of memory; the data has %d of its share of %d", bytes, used, share).
			WithHint("ask again later, or give the node more memory with --memory-limit")
	}
	return nil
}

func (m *memory) data() (used, share int64) {
	if m.limit == 0 {
		return 0, 0
	}
	return max(readHeap().Live-m.bodies.Load(), 0), m.share
}
