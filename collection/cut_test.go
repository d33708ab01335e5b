package collection_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lodedb/lode"
)

// TestSnapshotIsOfItsMoment: what is applied between Snapshot and write is not in it. The
// log labels the snapshot with the position it has applied when it asks; a node that gets
// one which holds more, and stops before it gets those entries too, could not start again.
func TestSnapshotIsOfItsMoment(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "before", "before")
	want, position := n.hash(), fmt.Sprint(n.Applied())
	write, release, err := n.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	n.ingest("c", "after", "after")
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{"before"}); err != nil {
		t.Fatal(err)
	}
	var image bytes.Buffer
	if err := write(&image); err != nil {
		t.Fatal(err)
	}
	release()

	m := openBare(t)
	copyBlobs(t, n, m)
	m.fetchFrom(n)
	if err := m.Restore(&image); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Applied()); got != position || m.hash() != want {
		t.Errorf("the snapshot is of position %s, it was taken at %s", got, position)
	}
	if got := fmt.Sprint(m.texts(root, "c", lode.Filter{})); got != "[before]" {
		t.Errorf("restored node finds %s", got)
	}
	for i, result := range m.Apply(n.log.all()) {
		if err, ok := result.(error); ok {
			t.Fatalf("entry %d: %v", i+1, err)
		}
	}
	if m.hash() != n.hash() {
		t.Error("the log behind the snapshot leads elsewhere")
	}
}

// TestClosingWithASnapshot: a snapshot that nobody wrote does not keep the store open.
func TestClosingWithASnapshot(t *testing.T) {
	n := open(t)
	write, release, err := n.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	n.restart()
	wantCode(t, write(&bytes.Buffer{}), lode.CodeUnavailable)
	release()
	release()
}
