package ann

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
)

// Engine is an engine in Go, to be served to the harness. Methods are called one at a
// time, but Search, which as many goroutines call as the harness asked for.
type Engine interface {
	// Build makes the index of all rows. It may keep base or let it go.
	Build(ctx context.Context, base *Vectors, o BuildOptions) (Built, error)
	// Search appends the ids of the k nearest rows to into, nearest first. ef says how hard
	// to look.
	Search(ctx context.Context, into []uint32, query lode.Vector, k, ef int) ([]uint32, error)
}

// Batcher is an [Engine] that answers many queries with one call.
type Batcher interface {
	// SearchBatch returns the ids of the k nearest rows for each query, nearest first, with
	// that many threads.
	SearchBatch(ctx context.Context, queries []lode.Vector, k, ef, threads int) ([][]uint32, error)
}

// BuildOptions are the settings of a build.
type BuildOptions struct {
	Config         string
	Metric         lode.Metric
	M              int
	EFConstruction int
	Threads        int
	Seed           uint64
}

// Serve speaks the engine's side of the protocol until quit, the end of in, or a failure to
// read or write. A command that fails is answered with its error.
func Serve(ctx context.Context, in io.Reader, out io.Writer, hello Hello, engine Engine) error {
	s := &served{engine: engine, out: json.NewEncoder(out)}
	hello.Protocol = ProtocolVersion
	if err := s.out.Encode(hello); err != nil {
		return err
	}
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c := parseCommand(line)
		if c.verb == "quit" {
			return nil
		}
		reply, err := s.answer(ctx, c)
		if err != nil {
			reply = failure{err.Error()}
		}
		if err := s.out.Encode(reply); err != nil {
			return err
		}
	}
}

// cleanupPause is long enough for cleanups to have run.
const cleanupPause = 5 * time.Millisecond

// failure is the answer to a command that failed.
type failure struct {
	Error string `json:"error,omitempty"`
}

// served is the state between commands.
type served struct {
	engine        Engine
	out           *json.Encoder
	metric        lode.Metric
	base, queries *Vectors
	last          Answer
}

func (s *served) answer(ctx context.Context, c command) (any, error) {
	switch c.verb {
	case "load":
		return s.load(c)
	case "build":
		return s.build(ctx, c)
	case "search":
		return s.search(ctx, c)
	case "answer":
		return s.last, nil
	}
	return nil, lode.Invalid("verb", c.verb, "the verbs are load, build, search, answer and quit")
}

func (s *served) load(c command) (any, error) {
	var err error
	if s.base, err = ReadVectors(c.settings["base"], 0); err != nil {
		return nil, err
	}
	if s.queries, err = ReadVectors(c.settings["queries"], 0); err != nil {
		return nil, err
	}
	s.metric = lode.Metric(c.settings["metric"])
	return Loaded{Rows: s.base.Rows, Dim: s.base.Dim, Queries: s.queries.Rows}, s.metric.Validate()
}

func (s *served) build(ctx context.Context, c command) (any, error) {
	if s.base == nil {
		return nil, lode.Errorf(lode.CodeInvalid, "build before load")
	}
	o := BuildOptions{Config: c.settings["config"], Metric: s.metric}
	var seed int
	for _, setting := range []struct {
		into    *int
		name    string
		missing int
	}{{&o.M, "m", 16}, {&o.EFConstruction, "ef_construction", 200}, {&o.Threads, "threads", 1}, {&seed, "seed", 1}} {
		var err error
		if *setting.into, err = c.number(setting.name, setting.missing); err != nil {
			return nil, err
		}
	}
	o.Seed = uint64(seed)
	runtime.GOMAXPROCS(o.Threads)
	built, err := s.engine.Build(ctx, s.base, o)
	if err == nil {
		s.base = nil
		freeMemory()
	}
	return built, err
}

// freeMemory gives back what the build left, which is no part of the index. A pool forgets
// what it holds after two collections; what lies outside of the heap is given back by
// cleanups, which run beside, some time after another.
func freeMemory() {
	for range 4 {
		debug.FreeOSMemory()
		time.Sleep(cleanupPause)
	}
}

func (s *served) search(ctx context.Context, c command) (any, error) {
	k, err1 := c.number("k", 10)
	ef, err2 := c.number("ef", 10)
	threads, err3 := c.number("threads", 1)
	repeat, err4 := c.number("repeat", 1)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	pass := s.pass
	if c.settings["batch"] == "1" {
		batcher, ok := s.engine.(Batcher)
		if !ok {
			return nil, lode.Invalid("batch", 1, "this engine takes one query at a time")
		}
		pass = func(ctx context.Context, found [][]uint32, k, ef, threads int) error {
			return s.batch(ctx, batcher, found, k, ef, threads)
		}
	}
	if s.queries == nil || s.base != nil {
		return nil, lode.Errorf(lode.CodeInvalid, "search before build")
	}
	runtime.GOMAXPROCS(threads)
	if s.last.Nanos == nil {
		s.last = Answer{IDs: make([][]int64, s.queries.Rows), Nanos: make([]int64, s.queries.Rows)}
	}
	found := make([][]uint32, s.queries.Rows)
	for range repeat {
		if err := pass(ctx, found, k, ef, threads); err != nil {
			return nil, err
		}
	}
	for q, ids := range found {
		s.last.IDs[q] = s.last.IDs[q][:0]
		for _, id := range ids {
			s.last.IDs[q] = append(s.last.IDs[q], int64(id))
		}
	}
	return Searched{Queries: repeat * s.queries.Rows}, nil
}

// pass searches every query once. With several threads each takes the next query that
// nobody has.
func (s *served) pass(ctx context.Context, found [][]uint32, k, ef, threads int) error {
	var next atomic.Int64
	work := func() error {
		for q := int(next.Add(1)) - 1; q < s.queries.Rows; q = int(next.Add(1)) - 1 {
			begun := time.Now()
			ids, err := s.engine.Search(ctx, found[q][:0], s.queries.Row(q), k, ef)
			s.last.Nanos[q] = int64(time.Since(begun))
			if err != nil {
				return fmt.Errorf("query %d: %w", q, err)
			}
			found[q] = ids
		}
		return nil
	}
	errs := make([]error, threads)
	var wg sync.WaitGroup
	for t := 1; t < threads; t++ {
		wg.Go(func() { errs[t] = work() })
	}
	errs[0] = work()
	wg.Wait()
	return errors.Join(errs...)
}

// batch searches all queries with one call.
func (s *served) batch(ctx context.Context, engine Batcher, found [][]uint32, k, ef, threads int) error {
	begun := time.Now()
	ids, err := engine.SearchBatch(ctx, slices.Collect(s.queries.each), k, ef, threads)
	if err != nil {
		return err
	}
	copy(found, ids)
	each := int64(time.Since(begun)) / int64(max(s.queries.Rows, 1))
	for q := range s.last.Nanos {
		s.last.Nanos[q] = each
	}
	return nil
}
