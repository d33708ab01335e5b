package collection_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/internal/seal"
)

// replay applies the log of n on an empty node in batches of the size.
func replay(t tb, entries []collection.Entry, batch int) *node {
	t.Helper()
	m := openBare(t)
	for len(entries) > 0 {
		size := min(batch, len(entries))
		for i, result := range m.Apply(entries[:size]) {
			if fatal, ok := result.(collection.Fatal); ok {
				t.Fatalf("replay entry %d: %v", entries[i].Index, fatal)
			}
		}
		entries = entries[size:]
	}
	return m
}

// copyBlobs gives a second node the bytes, which do not travel through the log.
func copyBlobs(t tb, from, to *node) {
	t.Helper()
	for _, text := range from.bytes {
		_, release, err := to.store.Blobs().Put(ctx, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
}

// TestReplay: the same log gives the same state, however it is cut into batches, and also
// by way of a snapshot and after a restart in the middle.
func TestReplay(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "kept", "one\ntwo")
	n.ingest("c", "gone", "three")
	n.ingest("c", "kept", "four")
	n.submit(n.accepted("c", "waits", "five"))
	for i := range 20 {
		p := lode.Point{ID: lode.DocID(fmt.Sprint(i % 7)), Vector: vectorOf(fmt.Sprint(i)), Metadata: lode.Metadata{"i": lode.IntegerValue(int64(i))}}
		if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{"gone"}); err != nil {
		t.Fatal(err)
	}
	want := n.hash()
	entries := n.log.all()
	for _, batch := range []int{1, 7, len(entries)} {
		m := replay(t, entries, batch)
		copyBlobs(t, n, m)
		if m.hash() != want {
			t.Errorf("replay in batches of %d gives another state", batch)
		}
		m.restart()
		for i, result := range m.Apply(entries) {
			if result != nil {
				t.Errorf("entry %d was applied twice: %v", i, result)
			}
		}
		if index, term := m.Applied(); index != uint64(len(entries)) || term != 1 {
			t.Errorf("applied %d, %d", index, term)
		}
	}

	var snapshot bytes.Buffer
	write, release, err := n.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := write(&snapshot); err != nil {
		t.Fatal(err)
	}
	m := open(t)
	m.create("other")
	m.fetchFrom(n)
	if err := m.Restore(bytes.NewReader(snapshot.Bytes()[:snapshot.Len()-1])); err == nil {
		t.Error("a truncated snapshot was restored")
	}
	m.check() // the state from before
	if err := m.Restore(&snapshot); err != nil {
		t.Fatal(err)
	}
	copyBlobs(t, n, m)
	if m.hash() != want {
		t.Error("restore gives another state")
	}
	if got, want := m.texts(root, "c", lode.Filter{}), n.texts(root, "c", lode.Filter{}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("restored search shows %q, want %q", got, want)
	}
	_, err = m.View(ctx, root, "other")
	wantCode(t, err, lode.CodeNotFound)
}

// TestFatal: an entry that this build cannot read stops the machine there; what came
// before it is applied, nothing behind it ever is.
func TestFatal(t *testing.T) {
	header := func(kind, version uint16) []byte {
		b := binary.LittleEndian.AppendUint16(nil, kind)
		return append(binary.LittleEndian.AppendUint16(b, version), 0xA0)
	}
	for name, data := range map[string][]byte{
		"unknown type":    seal.Seal('C', header(999, 1)),
		"unknown version": seal.Seal('C', header(3, 2)),
		"unknown field":   seal.Seal('C', append(header(3, 1)[:4], 0xA1, 0x18, 0x63, 0x01)),
		"other envelope":  seal.Seal('D', header(3, 1)),
		"no header":       seal.Seal('C', []byte{1, 0}),
		"empty":           nil,
		"noise":           []byte("what is this"),
	} {
		t.Run(name, func(t *testing.T) {
			n := open(t)
			n.create("c")
			good := n.log.all()[1]
			point := capture(t, n, func() {
				_, _ = n.PutPoints(ctx, root, "c", []lode.Point{{ID: "p", Vector: vectorOf("p")}})
			})
			results := n.Apply([]collection.Entry{
				{Index: 3, Term: 1, Data: point}, {Index: 4, Term: 1, Data: data}, {Index: 5, Term: 1, Data: good.Data},
			})
			if _, ok := results[0].([]error); !ok {
				t.Errorf("the entry before has result %v", results[0])
			}
			for _, result := range results[1:] {
				if _, ok := result.(collection.Fatal); !ok {
					t.Errorf("result %v, want Fatal", result)
				}
			}
			if index, _ := n.Applied(); index != 3 {
				t.Errorf("applied %d, want 3", index)
			}
			if _, ok := n.Apply([]collection.Entry{{Index: 6, Term: 1, Data: good.Data}})[0].(collection.Fatal); !ok {
				t.Error("the machine went on")
			}
			if _, err := n.Point(ctx, root, "c", "p"); err != nil {
				t.Errorf("reads stopped: %v", err)
			}
		})
	}
}

// capture returns the command that a call proposes, without applying it.
func capture(t tb, n *node, call func()) []byte {
	t.Helper()
	var caught []byte
	n.SetProposer(func(_ context.Context, data []byte) (any, error) {
		caught = bytes.Clone(data)
		return nil, errors.New("caught")
	})
	defer n.SetProposer(n.log.propose)
	call()
	return caught
}

// TestStorageFailure: when storage refuses a batch, every entry of it is Fatal and the
// state is the one from before.
func TestStorageFailure(t *testing.T) {
	n := open(t)
	n.create("c")
	point := capture(t, n, func() {
		_, _ = n.PutPoints(ctx, root, "c", []lode.Point{{ID: "p", Vector: vectorOf("p")}})
	})
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, result := range n.Apply([]collection.Entry{{Index: 3, Term: 1, Data: point}, {Index: 4, Term: 1, Data: point}}) {
		if _, ok := result.(collection.Fatal); !ok {
			t.Errorf("result %v, want Fatal", result)
		}
	}
	if found, err := n.view(root, "c").Dense(ctx, vectorOf("p"), 1, lode.Filter{}); err != nil || len(found) != 0 {
		t.Errorf("search shows %v, %v", found, err)
	}
	n.restart()
}

// grouped is a log that makes one batch of all proposals that wait, as group commit does.
type grouped struct {
	history  *history
	incoming chan proposal
	done     sync.WaitGroup
}

type proposal struct {
	command []byte
	result  chan any
}

func group(n *node) *grouped {
	g := &grouped{history: n.log, incoming: make(chan proposal, 64)}
	n.SetProposer(g.propose)
	g.done.Go(g.run)
	n.t.Cleanup(func() {
		close(g.incoming)
		g.done.Wait()
	})
	return g
}

func (g *grouped) propose(ctx context.Context, command []byte) (any, error) {
	p := proposal{command: command, result: make(chan any, 1)}
	g.incoming <- p
	return <-p.result, nil
}

func (g *grouped) run() {
	for p := range g.incoming {
		waiting := []proposal{p}
	more:
		for len(waiting) < 32 {
			select {
			case p, ok := <-g.incoming:
				if !ok {
					break more
				}
				waiting = append(waiting, p)
			default:
				break more
			}
		}
		commands := make([][]byte, len(waiting))
		for i := range waiting {
			commands[i] = waiting[i].command
		}
		for i, result := range g.history.commit(commands) {
			waiting[i].result <- result
		}
	}
}

// TestBatch: commands that share a transaction see each other, a refused one leaves no
// trace, and the in-memory state follows them in order.
func TestBatch(t *testing.T) {
	n := open(t)
	n.create("c")
	put := func(text string) []byte {
		return capture(t, n, func() {
			_, _ = n.PutPoints(ctx, root, "c", []lode.Point{{ID: "p", Vector: vectorOf(text), Text: text}})
		})
	}
	remove := capture(t, n, func() { _, _ = n.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{"p"}) })
	create := capture(t, n, func() { _, _ = n.CreateCollection(ctx, root, lode.Collection{Name: "d"}) })
	drop := capture(t, n, func() { _ = n.DeleteCollection(ctx, root, "c") })
	results := n.log.commit([][]byte{put("one"), put("two"), remove, remove, put("three"), create, create})
	if errs := results[3].([]error); !lode.IsCode(errs[0], lode.CodeNotFound) {
		t.Errorf("second delete: %v", errs)
	}
	if err, ok := results[6].(error); !ok || !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("second create: %v", results[6])
	}
	if got := n.texts(root, "c", lode.Filter{}); strings.Join(got, " ") != "three" {
		t.Errorf("search shows %q", got)
	}
	n.check()
	v := n.view(root, "c")
	found, err := v.Dense(ctx, vectorOf("q"), 1, lode.Filter{})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	results = n.log.commit([][]byte{put("four"), drop, put("five"), drop})
	for _, result := range results[2:] {
		if err, ok := result.(error); !ok || !lode.IsCode(err, lode.CodeNotFound) {
			t.Errorf("after the drop: %v", result)
		}
	}
	if _, err := v.Rows(ctx, rowIDs(found), false); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("rows of a dropped collection: %v", err)
	}
}

// TestDamagedIdentityIsFatal: a node that cannot read who it is must stop. Were it to refuse
// commands that other nodes apply, the nodes would differ and nobody would know.
func TestDamagedIdentityIsFatal(t *testing.T) {
	n := open(t)
	n.create("c")
	n.stop()
	path := filepath.Join(n.dir, "catalog.db")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("0123456789abcdef") // of the cluster that open makes
	if err := os.WriteFile(path, bytes.ReplaceAll(sound, key, []byte("0123456789abcdeF")), 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
	at, _ := n.Applied()
	_, err = n.PutPoints(ctx, root, "c", []lode.Point{{ID: "p", Vector: vectorOf("p")}})
	if fatal := (collection.Fatal{}); !errors.As(err, &fatal) {
		t.Errorf("a write on a damaged node: %v", err)
	}
	if now, _ := n.Applied(); now != at {
		t.Errorf("entry %d counts as applied", now)
	}
	n.stop()
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
}
