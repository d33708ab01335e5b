package raft

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	hraft "github.com/hashicorp/raft"
)

// script is a machine whose answers a test sets.
type script struct {
	applied uint64
	results func([]Entry) []any
	restore error
	seen    []uint64
}

func (s *script) Apply(entries []Entry) []any {
	for _, e := range entries {
		s.seen = append(s.seen, e.Index)
	}
	if s.results != nil {
		return s.results(entries)
	}
	s.applied = entries[len(entries)-1].Index
	return make([]any, len(entries))
}
func (s *script) Applied() (index, term uint64) { return s.applied, 1 }
func (s *script) Snapshot() (Snapshot, error)   { return nil, errors.New("no cut") }
func (s *script) Restore(io.Reader) error       { return s.restore }

func command(i uint64) *hraft.Log       { return &hraft.Log{Index: i, Type: hraft.LogCommand} }
func configuration(i uint64) *hraft.Log { return &hraft.Log{Index: i, Type: hraft.LogConfiguration} }

func newTestFSM(m *script) (f *fsm, fatal *[]error) {
	fatal = new([]error)
	f = &fsm{machine: m, fail: func(err error) { *fatal = append(*fatal, err) }}
	f.begin(0)
	return f, fatal
}

func TestApplyBatchSkipsWhatTheMachineHas(t *testing.T) {
	m := &script{applied: 4, results: func(es []Entry) (r []any) {
		for _, e := range es {
			r = append(r, e.Index)
		}
		return r
	}}
	f, fatal := newTestFSM(m)
	got := f.ApplyBatch([]*hraft.Log{command(3), configuration(4), command(5), configuration(6), command(7), configuration(8)})
	want := []any{nil, nil, uint64(5), nil, uint64(7), nil}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("result %d: %v, want %v", i, got[i], want[i])
		}
	}
	if len(m.seen) != 2 || f.applied.Load() != 7 || f.seen.load() != 8 || len(*fatal) != 0 {
		t.Errorf("passed %v, applied %d, seen %d, fatal %v", m.seen, f.applied.Load(), f.seen.load(), *fatal)
	}
}

func TestApplyBatchOnlyOnceFatal(t *testing.T) {
	m := &script{results: func([]Entry) []any { return nil }}
	f, fatal := newTestFSM(m)
	for range 2 {
		if got := f.ApplyBatch([]*hraft.Log{command(1), command(2)}); len(got) != 2 || got[0] == nil || got[1] == nil {
			t.Errorf("results %v", got)
		}
	}
	if len(*fatal) != 1 || !strings.Contains((*fatal)[0].Error(), "returned 0 results") || len(m.seen) != 2 || f.seen.load() != 0 {
		t.Errorf("fatal %v, passed %v, seen %d", *fatal, m.seen, f.seen.load())
	}
	if _, err := f.Snapshot(); !errors.Is(err, errStopping) {
		t.Errorf("snapshot: %v", err)
	}
	if err := f.Restore(io.NopCloser(&bytes.Buffer{})); !errors.Is(err, errStopping) {
		t.Errorf("restore: %v", err)
	}
}

// TestNoSnapshotDuringReplay: raft would label the machine's state with too low an index.
func TestNoSnapshotDuringReplay(t *testing.T) {
	f, _ := newTestFSM(&script{applied: 9})
	f.ApplyBatch([]*hraft.Log{command(8)})
	if _, err := f.Snapshot(); !errors.Is(err, errReplaying) {
		t.Errorf("snapshot: %v", err)
	}
	f.ApplyBatch([]*hraft.Log{command(9)})
	if _, err := f.Snapshot(); err == nil || errors.Is(err, errReplaying) {
		t.Errorf("snapshot: %v", err)
	}
}

func TestFruitlessInstalls(t *testing.T) {
	m := &script{applied: 5}
	f, fatal := newTestFSM(m)
	install := func() {
		if err := f.Restore(io.NopCloser(&bytes.Buffer{})); err != nil {
			t.Fatal(err)
		}
	}
	install()
	install()
	f.ApplyBatch([]*hraft.Log{command(6)}) // progress
	install()
	m.applied = 10 // a newer snapshot
	install()
	install()
	install()
	if len(*fatal) != 0 {
		t.Fatalf("too early: %v", *fatal)
	}
	install()
	if len(*fatal) != 1 {
		t.Errorf("fatal %v", *fatal)
	}
}

func TestFailedRestoreKeepsTheMachine(t *testing.T) {
	m := &script{applied: 5, restore: errors.New("bad bytes")}
	f, fatal := newTestFSM(m)
	if err := f.Restore(io.NopCloser(&bytes.Buffer{})); !errors.Is(err, m.restore) || f.applied.Load() != 5 || len(*fatal) != 0 {
		t.Errorf("%v, applied %d, fatal %v", err, f.applied.Load(), *fatal)
	}
}
