package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

const (
	sealedRounds = 81
	sealedBlock  = 250 // queries of one side, before the other has its turn
	// sealedEf is the breadth that the node gives its graphs. What differs from the graph of the
	// node is refused, see sameIndex.
	sealedEf = 128
)

// sealed compares searches through one sealed segment of a node with searches of the same
// graph in memory.
func (s *segmentsRun) sealed(ctx context.Context) error {
	for _, name := range s.Sets {
		set, err := s.Load(ctx, name)
		if err != nil {
			return err
		}
		if err := s.sealedSet(ctx, set); err != nil {
			return fmt.Errorf("data set %s: %w", name, err)
		}
	}
	return nil
}

func (s *segmentsRun) sealedSet(ctx context.Context, set *VectorSet) error {
	s.about("%s with %d vectors of %d dimensions, %s, ef %d", set.Name, len(set.Rows), len(set.Rows[0]), set.Metric, sealedEf)
	return temporary(func(dir string) (err error) {
		node, err := server.Open(ctx, server.Config{DataDir: dir, Listen: "127.0.0.1:0", SegmentBytes: wholeSegment, GraphRows: s.GraphRows, Logger: s.Logger})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, node.Close()) }()
		if err := s.fillEngine(ctx, node, set); err != nil {
			return err
		}
		segments, err := sealEngine(ctx, node, s.GraphRows)
		if err != nil {
			return err
		}
		if segments != 1 {
			return fmt.Errorf("%d segments instead of one", segments)
		}
		memory, err := graphInMemory(ctx, set)
		if err != nil {
			return err
		}
		if err := sameIndex(dir, set, memory); err != nil {
			return err
		}
		return s.compareSealed(ctx, node.Engine(), set, memory)
	})
}

// graphInMemory builds the graph as server does, and leaves it in memory.
func graphInMemory(ctx context.Context, set *VectorSet) (*hnsw.Sealed, error) {
	x, err := hnsw.New(hnsw.Options{Dim: len(set.Rows[0]), Metric: set.Metric, Ef: sealedEf, Threads: 1, Capacity: len(set.Rows)})
	if err != nil {
		return nil, err
	}
	if _, err := x.AddBatch(ctx, set.Rows); err != nil {
		return nil, err
	}
	frozen, err := x.Freeze()
	if err != nil {
		return nil, err
	}
	return frozen, x.Close()
}

// sameIndex holds the graph of the node's file against the one in memory: what differs in
// rows, codes or breadth cannot be compared.
func sameIndex(dir string, set *VectorSet, memory *hnsw.Sealed) error {
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*.index"))
	files = slices.DeleteFunc(files, func(path string) bool { return strings.HasSuffix(path, wordsSuffix) })
	if err != nil || len(files) != 1 {
		return fmt.Errorf("%d files of graphs instead of one: %w", len(files), err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	vectors := make([]byte, 0, 4*len(set.Rows)*len(set.Rows[0]))
	for _, row := range set.Rows {
		vectors = lode.AppendVector(vectors, row)
	}
	file, err := hnsw.Open(data, hnsw.OpenOptions{Vectors: vectors, Trust: true})
	if err != nil {
		return err
	}
	a, b := file.Options(), memory.Options()
	a.Threads, b.Threads, a.Capacity, b.Capacity = 0, 0, 0, 0
	if a != b || file.Len() != memory.Len() {
		return fmt.Errorf("the node's graph of %d rows has %+v, that in memory, of %d rows, %+v", file.Len(), a, memory.Len(), b)
	}
	return nil
}

// sealedRound is what one round measured, in queries per second of CPU time and of wall time.
type sealedRound struct {
	Segment     float64 `json:"segment_per_cpu_second"`
	Memory      float64 `json:"memory_per_cpu_second"`
	SegmentWall float64 `json:"segment_per_second"`
	MemoryWall  float64 `json:"memory_per_second"`
}

func (s *segmentsRun) compareSealed(ctx context.Context, engine *collection.Engine, set *VectorSet, memory *hnsw.Sealed) error {
	segmentRecall, memoryRecall, err := sealedRecalls(ctx, engine, set, memory)
	if err != nil {
		return err
	}
	me := lode.AllSeeing("bench")
	throughSegment := func(q lode.Vector) error {
		view, err := engine.View(ctx, me, segmentCollection)
		if err != nil {
			return err
		}
		return demandK(view.Dense(ctx, q, segmentK, lode.Filter{}))
	}
	throughMemory := func(q lode.Vector) error { return demandK(memory.Search(ctx, q, segmentK, nil)) }
	var rounds []sealedRound
	for n := range cmp.Or(s.Limit, sealedRounds) {
		block := make([]lode.Vector, min(sealedBlock, len(set.Queries)))
		for i := range block {
			block[i] = set.Queries[(n*len(block)+i)%len(set.Queries)]
		}
		var round sealedRound
		sides := []func() error{
			func() (err error) { round.Segment, round.SegmentWall, err = askAll(block, throughSegment); return err },
			func() (err error) { round.Memory, round.MemoryWall, err = askAll(block, throughMemory); return err },
		}
		if err := errors.Join(sides[n%2](), sides[1-n%2]()); err != nil {
			return err
		}
		rounds = append(rounds, round)
	}
	s.reportSealed(set.Name, rounds, segmentRecall, memoryRecall)
	return nil
}

func (s *segmentsRun) reportSealed(name string, rounds []sealedRound, segmentRecall, memoryRecall float64) {
	of := func(value func(sealedRound) float64) float64 {
		var all []float64
		for _, round := range rounds {
			all = append(all, value(round))
		}
		return report.Median(all)
	}
	r := s.report
	r.Add(name+": searches of the graph in memory, of CPU time", of(func(r sealedRound) float64 { return r.Memory }), "/s")
	r.Add(name+": searches through the sealed segment, of CPU time", of(func(r sealedRound) float64 { return r.Segment }), "/s")
	r.Demand(name+": sealed segment by memory, CPU time, median of rounds", of(func(r sealedRound) float64 { return r.Segment / r.Memory }), "x", ">=", 0.9)
	r.Add(name+": sealed segment by memory, wall time, median of rounds", of(func(r sealedRound) float64 { return r.SegmentWall / r.MemoryWall }), "x")
	r.Add(name+": recall@10 in memory", memoryRecall, "")
	r.Add(name+": recall@10 through the sealed segment", segmentRecall, "")
	r.Raw["sealed, "+name] = rounds
}

// demandK refuses an answer that is too short: it would be fast.
func demandK[T any](found []T, err error) error {
	if err == nil && len(found) != segmentK {
		err = fmt.Errorf("%d rows instead of %d", len(found), segmentK)
	}
	return err
}

// askAll asks one query after the other and returns how many a second of CPU time, of the
// whole process, and of wall time.
func askAll(queries []lode.Vector, ask func(lode.Vector) error) (perCPU, perSecond float64, err error) {
	cpu, start := processTime(), time.Now()
	for _, q := range queries {
		if err := ask(q); err != nil {
			return 0, 0, err
		}
	}
	n := float64(len(queries))
	return n / (processTime() - cpu).Seconds(), n / time.Since(start).Seconds(), nil
}

// processTime is the CPU time that this process has used.
func processTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0 // it fails for wrong arguments alone
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// sealedRecalls asks every query once on both sides.
func sealedRecalls(ctx context.Context, engine *collection.Engine, set *VectorSet, memory *hnsw.Sealed) (segment, inMemory float64, err error) {
	bySegment, byMemory := make([][]uint32, len(set.Queries)), make([][]uint32, len(set.Queries))
	for i, q := range set.Queries {
		found, err := memory.Search(ctx, q, segmentK, nil)
		if err != nil {
			return 0, 0, err
		}
		for _, c := range found {
			byMemory[i] = append(byMemory[i], c.Ordinal)
		}
		if bySegment[i], err = sealedAnswer(ctx, engine, q); err != nil {
			return 0, 0, err
		}
	}
	return set.Recall(bySegment, segmentK), set.Recall(byMemory, segmentK), nil
}

// sealedAnswer asks the node and returns the numbers of the rows.
func sealedAnswer(ctx context.Context, engine *collection.Engine, q lode.Vector) (answer []uint32, err error) {
	view, err := engine.View(ctx, lode.AllSeeing("bench"), segmentCollection)
	if err != nil {
		return nil, err
	}
	found, err := view.Dense(ctx, q, segmentK, lode.Filter{})
	if err != nil {
		return nil, err
	}
	ids := make([]lode.RowID, len(found))
	for i, c := range found {
		ids[i] = c.Row
	}
	rows, err := view.Rows(ctx, ids, false)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		n, err := rowOfSegment(row.Document.ID)
		if err != nil {
			return nil, err
		}
		answer = append(answer, n)
	}
	return answer, nil
}
