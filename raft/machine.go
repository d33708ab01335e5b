package raft

import "io"

// MaxCommandBytes is the largest command that [Node.Propose] accepts.
const MaxCommandBytes = 512 << 10

// Entry is one committed command. Data is valid until Apply returns; do not modify it.
type Entry struct {
	Index, Term uint64
	Data        []byte
}

// StateMachine is what the log drives. Calls to Apply, Snapshot and Restore never overlap;
// a Snapshot's Write runs beside Apply. Applied is not
// called beside them.
type StateMachine interface {
	// Apply applies entries in order and returns one result for each, in the same order. It
	// is deterministic. Indexes ascend, perhaps with gaps, and are larger than Applied: an
	// entry is never passed twice. A result of type [Fatal] stops the node: that entry and
	// those after it in the call must not have been applied. A panic stops the node too.
	Apply(entries []Entry) []any

	// Applied returns index and term of the last entry whose effect is durable in the
	// machine itself; zeros for an empty machine. After a restart the log continues behind
	// it, so it must not run ahead of the data, and may lag.
	Applied() (index, term uint64)

	// Snapshot takes one consistent cut of everything applied, in microseconds: no entry is
	// applied until it returns.
	Snapshot() (Snapshot, error)

	// Restore replaces the whole state with a snapshot, Applied included, or leaves the old
	// state untouched and returns an error.
	Restore(r io.Reader) error
}

// Snapshot is a cut of a [StateMachine].
type Snapshot interface {
	// Write writes the cut. It runs beside Apply and is called at most once.
	Write(w io.Writer) error
	// Release frees the cut; it is called exactly once, after Write or without it.
	Release()
}

// Fatal is a result of [StateMachine].Apply for an entry that this program must not skip and
// cannot apply, such as a command of a newer version. It stops the node.
type Fatal struct{ Err error }

// Error returns the reason.
func (f Fatal) Error() string { return f.Err.Error() }

// Unwrap returns the reason.
func (f Fatal) Unwrap() error { return f.Err }
