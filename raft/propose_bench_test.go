package raft_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	hclog "github.com/hashicorp/go-hclog"
	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode/raft"
)

// sink is a machine that does nothing.
type sink struct{ index, term atomic.Uint64 }

func (s *sink) Apply(entries []raft.Entry) []any {
	last := entries[len(entries)-1]
	s.index.Store(last.Index)
	s.term.Store(last.Term)
	return make([]any, len(entries))
}
func (s *sink) Applied() (index, term uint64)    { return s.index.Load(), s.term.Load() }
func (s *sink) Snapshot() (raft.Snapshot, error) { return s, nil }
func (s *sink) Restore(io.Reader) error          { return nil }
func (s *sink) Write(io.Writer) error            { return nil }
func (s *sink) Release()                         {}

var benchSizes = []int{256, 64 << 10}

// BenchmarkPropose is a command from the proposer to the machine and back, with its fsync.
func BenchmarkPropose(b *testing.B) {
	for _, size := range benchSizes {
		for _, writers := range []int{1, 8} {
			b.Run(fmt.Sprintf("bytes=%d/writers=%d", size, writers), func(b *testing.B) {
				n := open(b, raft.Options{Dir: b.TempDir(), Machine: &sink{}})
				command := bytes.Repeat([]byte{1}, size)
				b.SetBytes(int64(size))
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, writers)
				b.ResetTimer()
				for range writers {
					go func() {
						var err error
						for err == nil && left.Add(-1) >= 0 {
							_, err = n.Propose(context.Background(), command)
						}
						done <- err
					}()
				}
				for range writers {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAppend is the floor under BenchmarkPropose: the log store alone.
func BenchmarkAppend(b *testing.B) {
	for _, size := range benchSizes {
		for _, batch := range []int{1, 8} {
			b.Run(fmt.Sprintf("bytes=%d/batch=%d", size, batch), func(b *testing.B) {
				s, err := raft.OpenWAL(b.TempDir(), 8<<20, hclog.NewNullLogger())
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				data := bytes.Repeat([]byte{1}, size)
				b.SetBytes(int64(size))
				index := uint64(0)
				for b.Loop() {
					logs := make([]*hraft.Log, 0, batch)
					for range batch {
						index++
						logs = append(logs, &hraft.Log{Index: index, Term: 1, Data: data})
					}
					if err := s.StoreLogs(logs); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(index), "ns/entry")
			})
		}
	}
}

// BenchmarkReadBarrier is what a linearizable read costs on a node that is alone.
func BenchmarkReadBarrier(b *testing.B) {
	n := open(b, raft.Options{Dir: b.TempDir(), Machine: &sink{}})
	for b.Loop() {
		if err := n.ReadBarrier(context.Background(), raft.Linearizable); err != nil {
			b.Fatal(err)
		}
	}
}
