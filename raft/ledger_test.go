package raft_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode/raft"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(dir)
	}
	// Futures that raft forgot at its shutdown are waited for until the process ends; see
	// TestCloseAnswersEveryProposal.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/raft.(*deferError).Error"))
}

// ledger is a state machine that counts each command and chains a hash over all of them, so
// that a command lost, doubled or out of order changes the end. With a path it keeps itself
// in a file, after each call or only now and then.
type ledger struct {
	mu    sync.Mutex
	state ledgerState
	calls int // entries passed to Apply by this process

	saved     ledgerState // what Applied speaks of
	path      string
	saveEvery int
	unsaved   int

	apply   func(raft.Entry) any // tests put faults here; nil result: go on
	restore func()
}

type ledgerState struct {
	Index, Term uint64
	Chain       string
	Counts      map[string]int
}

func newLedger(tb testing.TB, path string) *ledger {
	tb.Helper()
	l, err := loadLedger(path)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func loadLedger(path string) (*ledger, error) {
	l := &ledger{path: path, saveEvery: 1, state: ledgerState{Counts: map[string]int{}}}
	if path == "" {
		return l, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &l.state)
	}
	l.saved = l.state
	return l, err
}

func (l *ledger) Apply(entries []raft.Entry) []any {
	l.mu.Lock()
	defer l.mu.Unlock()
	results := make([]any, 0, len(entries))
	for _, e := range entries {
		if l.apply != nil {
			if r := l.apply(e); r != nil {
				results = append(results, r)
				continue
			}
		}
		l.calls++
		if e.Index <= l.state.Index {
			panic(fmt.Sprintf("entry %d after %d", e.Index, l.state.Index))
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s|%d|%s", l.state.Chain, e.Index, e.Data))
		l.state.Chain = hex.EncodeToString(sum[:])
		l.state.Index, l.state.Term = e.Index, e.Term
		if name, _, cut := bytes.Cut(e.Data, []byte(" x")); cut || len(name) < 100 {
			l.state.Counts[string(name)]++
		}
		results = append(results, "ok "+string(e.Data[:min(len(e.Data), 100)]))
	}
	if l.unsaved++; l.unsaved >= l.saveEvery {
		l.save()
	}
	return results
}

func (l *ledger) save() {
	l.unsaved = 0
	l.saved = l.state
	l.saved.Counts = nil
	if l.path == "" {
		return
	}
	b, _ := json.Marshal(l.state)
	if err := errors.Join(os.WriteFile(l.path+".tmp", b, 0o600), os.Rename(l.path+".tmp", l.path)); err != nil {
		panic(err)
	}
}

func (l *ledger) Applied() (index, term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.saved.Index, l.saved.Term
}

func (l *ledger) Snapshot() (raft.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Counts = maps.Clone(s.Counts)
	return ledgerCut(s), nil
}

func (l *ledger) Restore(r io.Reader) error {
	var s ledgerState
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.restore != nil {
		l.restore()
	}
	l.state = s
	l.save()
	return nil
}

type ledgerCut ledgerState

func (c ledgerCut) Write(w io.Writer) error { return json.NewEncoder(w).Encode(ledgerState(c)) }
func (c ledgerCut) Release()                {}

// now returns a copy of the state.
func (l *ledger) now() ledgerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Counts = maps.Clone(s.Counts)
	return s
}

func (l *ledger) count(command string) int { return l.now().Counts[command] }

func (l *ledger) applyCalls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// within returns a context for one step of a test.
func within(tb testing.TB, d time.Duration) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	tb.Cleanup(cancel)
	return ctx
}

func mustClose(tb testing.TB, n *raft.Node) {
	tb.Helper()
	if err := n.Close(); err != nil {
		tb.Fatalf("close: %v", err)
	}
}

// open starts a node that must not fail, waits until it or another leads, and closes it.
func open(tb testing.TB, o raft.Options) *raft.Node {
	tb.Helper()
	n := openOnly(tb, o)
	if err := n.WaitLeader(within(tb, 10*time.Second)); err != nil {
		tb.Fatal(err)
	}
	return n
}

func openOnly(tb testing.TB, o raft.Options) *raft.Node {
	tb.Helper()
	if o.NodeID == "" {
		o.NodeID = "a"
	}
	if o.OnFatal == nil {
		o.OnFatal = func(err error) { tb.Errorf("fatal: %v", err) }
	}
	n, err := raft.Open(within(tb, 10*time.Second), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { mustClose(tb, n) })
	return n
}

func propose(tb testing.TB, n *raft.Node, commands ...string) {
	tb.Helper()
	for _, c := range commands {
		got, err := n.Propose(within(tb, 10*time.Second), []byte(c))
		if err != nil || got != "ok "+c[:min(len(c), 100)] {
			tb.Fatalf("propose %q: %v, %v", c, got, err)
		}
	}
}

// eventually fails the test if a condition does not come true.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("not within 15s: %s", what)
		}
	}
}

func files(tb testing.TB, pattern ...string) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil {
		tb.Fatal(err)
	}
	return slices.Sorted(slices.Values(found))
}
