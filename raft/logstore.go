package raft

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	hclog "github.com/hashicorp/go-hclog"
	hraft "github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// walSegmentBytes is the size of one log file. It is preallocated, so a fresh folder is
// small and opens fast; a batch may exceed it.
const walSegmentBytes = 4 << 20

// entryOverhead is what an entry takes in the log beside its data, about.
const entryOverhead = 48

// durableStore is a log and a small key-value store, both durable when a call returns.
type durableStore interface {
	hraft.LogStore
	hraft.StableStore
	Close() error
}

var errStoreClosed = errors.New("log store is closed")

// logStore guards a durableStore: an error or a hang of the disk stops the node for ever
// (after a failed fsync nobody knows what is on disk, and a leader that waits for its disk
// stays leader), and bytes are counted for snapshots by size.
type logStore struct {
	inner   durableStore
	timeout time.Duration
	// fail stops the node. Errors reach it once armed; while the node opens they are
	// returned to Open instead. A hang always reaches it.
	fail  func(error)
	armed atomic.Bool

	// mu keeps Close away from calls in progress: a reader of a closed raft-wal may crash.
	mu     sync.RWMutex
	closed bool
	broken atomic.Pointer[error]

	bytes, entries atomic.Int64 // stored since the last snapshot
	due            chan struct{}
	dueBytes       int64
}

var (
	_ hraft.LogStore          = (*logStore)(nil)
	_ hraft.StableStore       = (*logStore)(nil)
	_ hraft.MonotonicLogStore = (*logStore)(nil)
)

func openWAL(dir string, segmentBytes int, logger hclog.Logger) (durableStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make log folder: %w", err)
	}
	meta := &repairingMeta{segmentBytes: segmentBytes}
	w, err := wal.Open(dir, wal.WithSegmentSize(segmentBytes), wal.WithLogger(logger), wal.WithMetaStore(meta))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", errors.Join(err, meta.Close())) // wal.Open leaves it open, and locked
	}
	return w, nil
}

func newLogStore(inner durableStore, o *Options, fail func(error)) *logStore {
	return &logStore{inner: inner, timeout: o.StoreTimeout, fail: fail, due: make(chan struct{}, 1), dueBytes: o.SnapshotBytes}
}

// IsMonotonic tells raft that the log may have no holes. It matters: with such a store a
// restart ends the endless snapshot installs of hashicorp/raft issue 697.
func (s *logStore) IsMonotonic() bool { return true }

// write runs a changing call under the deadline.
func (s *logStore) write(what string, call func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errStoreClosed
	}
	if err := s.broken.Load(); err != nil {
		return *err
	}
	hang := time.AfterFunc(s.timeout, func() {
		s.stop(fmt.Errorf("%s: the log store did not answer within %s", what, s.timeout), true)
	})
	defer hang.Stop()
	if err := call(); err != nil {
		return s.stop(fmt.Errorf("%s: %w", what, err), false)
	}
	if err := s.broken.Load(); err != nil {
		return *err // it came back, but too late: the node is stopping
	}
	return nil
}

// read runs a reading call; only what is damaged stops the node.
func (s *logStore) read(what string, call func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errStoreClosed
	}
	err := call()
	if err == nil || errors.Is(err, hraft.ErrLogNotFound) {
		return err
	}
	return s.stop(fmt.Errorf("%s: %w", what, err), false)
}

func (s *logStore) stop(err error, hang bool) error {
	s.broken.CompareAndSwap(nil, &err)
	if hang || s.armed.Load() {
		s.fail(err)
	}
	return err
}

// FirstIndex returns the first index of the log, 0 when it is empty.
func (s *logStore) FirstIndex() (i uint64, err error) {
	err = s.read("first log index", func() (err error) { i, err = s.inner.FirstIndex(); return err })
	return i, err
}

// LastIndex returns the last index of the log, 0 when it is empty.
func (s *logStore) LastIndex() (i uint64, err error) {
	err = s.read("last log index", func() (err error) { i, err = s.inner.LastIndex(); return err })
	return i, err
}

// GetLog reads one entry. While the node opens, raft reads every entry behind the newest
// snapshot once, and so the counters start where they stopped.
func (s *logStore) GetLog(index uint64, l *hraft.Log) error {
	err := s.read("read the log", func() error { return s.inner.GetLog(index, l) })
	if err == nil && !s.armed.Load() {
		s.count(l)
	}
	return err
}

// StoreLog appends one entry.
func (s *logStore) StoreLog(l *hraft.Log) error { return s.StoreLogs([]*hraft.Log{l}) }

// StoreLogs appends entries; they are durable when it returns nil.
func (s *logStore) StoreLogs(logs []*hraft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	err := s.write("append to the log", func() error { return s.inner.StoreLogs(logs) })
	if err == nil {
		s.count(logs...)
	}
	return err
}

// DeleteRange removes a prefix or a suffix of the log.
func (s *logStore) DeleteRange(from, to uint64) error {
	return s.write("truncate the log", func() error { return s.inner.DeleteRange(from, to) })
}

// Set stores a value such as the vote.
func (s *logStore) Set(key, value []byte) error {
	return s.write("store vote", func() error { return s.inner.Set(key, value) })
}

// Get returns a stored value, nil if there is none.
func (s *logStore) Get(key []byte) (v []byte, err error) {
	err = s.read("read vote", func() (err error) { v, err = s.inner.Get(key); return err })
	return v, err
}

// SetUint64 stores a number such as the term.
func (s *logStore) SetUint64(key []byte, value uint64) error {
	return s.write("store term", func() error { return s.inner.SetUint64(key, value) })
}

// GetUint64 returns a stored number, 0 if there is none.
func (s *logStore) GetUint64(key []byte) (v uint64, err error) {
	err = s.read("read term", func() (err error) { v, err = s.inner.GetUint64(key); return err })
	return v, err
}

// Close waits for calls in progress and closes the store.
func (s *logStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.inner.Close()
}

func (s *logStore) count(logs ...*hraft.Log) {
	var n int64
	for _, l := range logs {
		n += int64(len(l.Data)+len(l.Extensions)) + entryOverhead
	}
	s.entries.Add(int64(len(logs)))
	if s.bytes.Add(n) >= s.dueBytes {
		s.remind()
	}
}

// remind wakes whoever takes snapshots.
func (s *logStore) remind() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// sinceSnapshot returns bytes and entries stored since the last snapshot.
func (s *logStore) sinceSnapshot() (bytes, entries int64) { return s.bytes.Load(), s.entries.Load() }

// covered takes away what a snapshot has covered.
func (s *logStore) covered(bytes, entries int64) {
	s.bytes.Add(-bytes)
	s.entries.Add(-entries)
}
