package raft_test

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

// grown is the state of a node that has seen some commands, as its snapshot.
func grown(t *testing.T) (state []byte, index, term uint64) {
	t.Helper()
	l := newLedger(t, "")
	n := open(t, raft.Options{Dir: t.TempDir(), Machine: l})
	propose(t, n, "one", "two", "three")
	cut, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Release()
	var b bytes.Buffer
	if err := cut.Write(&b); err != nil {
		t.Fatal(err)
	}
	index, term = l.Applied()
	return b.Bytes(), index, term
}

func writer(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// TestSeed continues a state in a folder of its own, with the state in the machine already
// and with a machine that must be restored from the seed. The term of the log never falls.
func TestSeed(t *testing.T) {
	state, index, term := grown(t)
	term += 7 // as of a cluster that has seen elections
	for name, held := range map[string]bool{"machine has the state": true, "machine is empty": false} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "raft")
			l := newLedger(t, filepath.Join(t.TempDir(), "machine"))
			state := bytes.Replace(state, []byte(`"Term":1`), []byte(`"Term":8`), 1)
			if held {
				if err := l.Restore(bytes.NewReader(state)); err != nil {
					t.Fatal(err)
				}
			}
			seed := raft.SeedOptions{NodeID: "b", Index: index, Term: term, State: writer(state)}
			if err := raft.Seed(dir, seed); err != nil {
				t.Fatal(err)
			}
			for start := range 3 {
				n := openOnly(t, raft.Options{Dir: dir, NodeID: "b", Machine: l})
				if err := n.WaitLeader(within(t, 10*time.Second)); err != nil {
					t.Fatal(err)
				}
				if stats := n.Stats(); stats.Term <= term || len(stats.Members) != 1 || stats.Members[0].ID != "b" {
					t.Errorf("start %d: %+v", start, stats)
				}
				propose(t, n, "later")
				if got := l.count("later"); got != start+1 || l.count("one") != 1 || l.count("three") != 1 {
					t.Errorf("start %d: %+v", start, l.now().Counts)
				}
				if start == 1 {
					if err := n.Snapshot(within(t, 10*time.Second)); err != nil {
						t.Error(err)
					}
				}
				mustClose(t, n)
			}
			if err := raft.Seed(dir, seed); !lode.IsCode(err, lode.CodeConflict) {
				t.Errorf("a folder in use is seeded again: %v", err)
			}
		})
	}
}

// TestSeedRefuses demands what a seed needs; and shows what happens without one.
func TestSeedRefuses(t *testing.T) {
	state, index, term := grown(t)
	for _, o := range []raft.SeedOptions{{}, {NodeID: "b", Index: index, State: writer(state)}, {NodeID: "b", Index: index, Term: term}} {
		if err := raft.Seed(t.TempDir(), o); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	broken := func(io.Writer) error { return io.ErrShortWrite }
	dir := t.TempDir()
	if err := raft.Seed(dir, raft.SeedOptions{NodeID: "b", Index: index, Term: term, State: broken}); err == nil {
		t.Error("a state that cannot be written makes a seed")
	}
	l := newLedger(t, "")
	if err := l.Restore(bytes.NewReader(state)); err != nil {
		t.Fatal(err)
	}
	_, err := raft.Open(within(t, time.Second), raft.Options{Dir: t.TempDir(), NodeID: "b", Machine: l})
	if !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("without a seed: %v", err)
	}
}
