package raft

import (
	"fmt"

	hclog "github.com/hashicorp/go-hclog"
	hraft "github.com/hashicorp/raft"
)

// BareLog is the log store alone, as a [Node] uses it, without consensus and without a
// machine: what a durable write costs at the least on a disk. Benchmarks compare with it.
// One goroutine at a time may append.
type BareLog struct {
	store durableStore
	index uint64
}

// OpenBareLog makes an empty log in a new folder.
func OpenBareLog(dir string) (*BareLog, error) {
	store, err := openWAL(dir, walSegmentBytes, hclog.NewNullLogger())
	if err != nil {
		return nil, fmt.Errorf("open bare log: %w", err)
	}
	return &BareLog{store: store}, nil
}

// Append returns when the entries are durable, with one sync for all of them.
func (b *BareLog) Append(entries ...[]byte) error {
	logs := make([]*hraft.Log, len(entries))
	for i, data := range entries {
		b.index++
		logs[i] = &hraft.Log{Index: b.index, Term: 1, Data: data}
	}
	return b.store.StoreLogs(logs)
}

// Close closes the log.
func (b *BareLog) Close() error { return b.store.Close() }
