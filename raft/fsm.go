package raft

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

// maxFruitlessInstalls is how many snapshots may be installed in a row without any progress
// before the node stops to be started again. See hashicorp/raft issue 697.
const maxFruitlessInstalls = 3

var (
	errReplaying = errors.New("the log is still being replayed")
	errStopping  = lode.Errorf(lode.CodeUnavailable, "the node is stopping")
)

// fsm stands between hashicorp/raft and the StateMachine: it skips what the machine has
// already, keeps panics from looking like results, and knows how far raft has come.
type fsm struct {
	machine StateMachine
	fail    func(error)
	dead    atomic.Bool // set before fail: nothing is applied, cut or restored any more
	closing atomic.Bool // ends a snapshot that is being written

	// applied is the index behind which entries go to the machine. Only raft's state machine
	// goroutine changes it; entries and fruitless are its own.
	applied   atomic.Uint64
	entries   []Entry
	fruitless int

	// seen is the index up to which the machine holds everything, entries that are none of
	// its business included.
	seen watermark
}

var _ hraft.BatchingFSM = (*fsm)(nil)

// begin says where raft will begin: behind its newest snapshot, which the machine covers.
func (f *fsm) begin(snapshot uint64) {
	f.refresh()
	f.seen.raise(snapshot)
}

// refresh asks the machine what it has applied.
func (f *fsm) refresh() uint64 {
	applied, _ := f.machine.Applied()
	f.applied.Store(applied)
	return applied
}

// Apply applies one entry.
func (f *fsm) Apply(l *hraft.Log) any { return f.ApplyBatch([]*hraft.Log{l})[0] }

// ApplyBatch applies committed entries and returns one result for each.
func (f *fsm) ApplyBatch(logs []*hraft.Log) []any {
	results := make([]any, len(logs))
	if f.dead.Load() {
		return fill(results, errStopping)
	}
	applied := f.applied.Load()
	last := applied
	f.entries = f.entries[:0]
	for _, l := range logs {
		if l.Type == hraft.LogCommand && l.Index > applied {
			f.entries = append(f.entries, Entry{Index: l.Index, Term: l.Term, Data: l.Data})
			last = l.Index
		}
	}
	answered, err := f.apply(f.entries)
	if err != nil {
		f.dead.Store(true)
		f.fail(err)
		return fill(results, unknown(err))
	}
	for i, answers := 0, answered; len(answers) > 0; i++ {
		if l := logs[i]; l.Type == hraft.LogCommand && l.Index > applied {
			results[i], answers = answers[0], answers[1:]
		}
	}
	if last > applied {
		f.applied.Store(last)
		f.fruitless = 0
	}
	f.seen.raise(logs[len(logs)-1].Index)
	return results
}

// apply calls the machine and reports what must stop the node.
func (f *fsm) apply(entries []Entry) (answers []any, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	first, last := entries[0].Index, entries[len(entries)-1].Index
	defer func() {
		clear(entries) // let go of the data
		if p := recover(); p != nil {
			err = fmt.Errorf("apply entries %d to %d panicked: %v\n%s", first, last, p, debug.Stack())
		}
	}()
	answers = f.machine.Apply(entries)
	if len(answers) != len(entries) {
		return nil, fmt.Errorf("apply entries %d to %d returned %d results", first, last, len(answers))
	}
	for i, a := range answers {
		if fatal, ok := a.(Fatal); ok {
			return nil, fmt.Errorf("apply entry %d: %w", entries[i].Index, fatal)
		}
	}
	return answers, nil
}

func fill(results []any, err error) []any {
	for i := range results {
		results[i] = err
	}
	return results
}

// Snapshot cuts the machine. While entries that the machine has already are replayed, raft
// would label the cut with an index that is too low.
func (f *fsm) Snapshot() (hraft.FSMSnapshot, error) {
	switch applied, _ := f.machine.Applied(); {
	case f.dead.Load():
		return nil, errStopping
	case applied > f.seen.load():
		return nil, errReplaying
	}
	cut, err := f.machine.Snapshot()
	if err != nil {
		return nil, err
	}
	return &fsmSnapshot{cut: cut, closing: &f.closing}, nil
}

// Restore replaces the machine's state with a snapshot that the leader sent.
func (f *fsm) Restore(r io.ReadCloser) (err error) {
	if f.dead.Load() {
		return errStopping
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("restore snapshot panicked: %v\n%s", p, debug.Stack())
			f.dead.Store(true)
			f.fail(err)
		}
	}()
	before := f.applied.Load()
	if err := f.machine.Restore(r); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	after := f.refresh()
	f.seen.raise(after)
	f.watchInstalls(before, after)
	return nil
}

// watchInstalls ends a leader's loop of installing snapshots that lead nowhere: after a
// restart the node's log is empty and the loop cannot begin again.
func (f *fsm) watchInstalls(before, after uint64) {
	if after > before {
		f.fruitless = 0
		return
	}
	if f.fruitless++; f.fruitless >= maxFruitlessInstalls {
		f.dead.Store(true)
		f.fail(fmt.Errorf("snapshot up to entry %d was installed %d times without progress; start the node again", after, f.fruitless))
	}
}

// fsmSnapshot hands a cut to raft's snapshot store.
type fsmSnapshot struct {
	cut     Snapshot
	closing *atomic.Bool
}

// Persist writes the cut; raft's store makes it durable and closes the sink.
func (s *fsmSnapshot) Persist(sink hraft.SnapshotSink) error {
	return s.cut.Write(&stoppable{w: sink, stop: s.closing})
}

// Release frees the cut.
func (s *fsmSnapshot) Release() { s.cut.Release() }

// stoppable is a writer that fails once the node closes, so that Close need not wait.
type stoppable struct {
	w    io.Writer
	stop *atomic.Bool
}

func (s *stoppable) Write(p []byte) (int, error) {
	if s.stop.Load() {
		return 0, errStopping
	}
	return s.w.Write(p)
}

// watermark is an index that only rises, and that can be waited for.
type watermark struct {
	value atomic.Uint64
	mu    struct {
		sync.Mutex
		risen chan struct{} // closed at the next rise; nil when nobody waits
	}
}

func (w *watermark) load() uint64 { return w.value.Load() }

func (w *watermark) raise(to uint64) {
	for {
		now := w.value.Load()
		if to <= now {
			return
		}
		if w.value.CompareAndSwap(now, to) {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.risen != nil {
		close(w.mu.risen)
		w.mu.risen = nil
	}
}

// rise returns a channel that is closed at the next rise.
func (w *watermark) rise() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.risen == nil {
		w.mu.risen = make(chan struct{})
	}
	return w.mu.risen
}
