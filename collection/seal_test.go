package collection_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// segmentFiles lists the files of a node's segments.
func (n *node) segmentFiles() (growing, sealed []string) {
	n.t.Helper()
	entries, err := os.ReadDir(filepath.Join(n.dir, "segments"))
	if err != nil {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".growing") {
			growing = append(growing, e.Name())
		} else {
			sealed = append(sealed, e.Name())
		}
	}
	return growing, sealed
}

func (n *node) seal(name string) lode.SegmentID {
	n.t.Helper()
	id, err := n.Seal(ctx, root, name)
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

func (n *node) flush() {
	n.t.Helper()
	if err := n.store.Flush(); err != nil {
		n.t.Fatal(err)
	}
}

// TestSeal follows documents and points into a sealed file, past a restart, and out again.
func TestSeal(t *testing.T) {
	n := open(t)
	n.create("c")
	if id := n.seal("c"); id != 0 {
		t.Errorf("an empty collection sealed segment %d", id)
	}
	for i := range 20 {
		n.ingest("c", lode.DocID(fmt.Sprint("doc", i)), fmt.Sprintf("text %d\nmore of it", i))
	}
	points := []lode.Point{{ID: "p", Vector: vectorOf("p"), Text: "a point"}}
	if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(slices.Sorted(slices.Values(n.texts(root, "c", lode.Filter{}))))
	if id := n.seal("c"); id != 1 {
		t.Fatalf("sealed segment %d", id)
	}
	n.flush()
	growing, sealed := n.segmentFiles()
	if len(growing) != 0 || len(sealed) != 1 {
		t.Errorf("files %v and %v", growing, sealed)
	}
	all, err := n.Segments(ctx, root, "c")
	if err != nil || len(all) != 1 || all[0].State != storage.SegmentSealed || all[0].Members != 21 || all[0].FileBytes == 0 {
		t.Errorf("segments %+v, %v", all, err)
	}
	n.check()
	if got := fmt.Sprint(slices.Sorted(slices.Values(n.texts(root, "c", lode.Filter{})))); got != want {
		t.Errorf("sealed: %s, want %s", got, want)
	}
	n.restart()
	n.check()
	if got := fmt.Sprint(slices.Sorted(slices.Values(n.texts(root, "c", lode.Filter{})))); got != want {
		t.Errorf("restarted: %s, want %s", got, want)
	}

	other := replay(t, n.log.all(), 5) // builds the segment from the log
	copyBlobs(t, n, other)
	if _, same := other.segmentFiles(); !slices.Equal(same, sealed) || other.hash() != n.hash() {
		t.Errorf("another node has %v, want %v", same, sealed)
	}

	n.ingest("c", "doc0", "replaced")
	var ids []lode.DocID
	for i := range 20 {
		ids = append(ids, lode.DocID(fmt.Sprint("doc", i)))
	}
	for kind, gone := range map[lode.Kind][]lode.DocID{lode.KindDocument: ids, lode.KindVector: {"p"}} {
		if _, err := n.DeleteDocuments(ctx, root, "c", kind, gone); err != nil {
			t.Fatal(err)
		}
	}
	n.flush()
	if _, sealed := n.segmentFiles(); len(sealed) != 0 {
		t.Errorf("left of a segment in which nothing is shown: %v", sealed)
	}
}

// TestSealWaitsForStages: a document that is being staged when its segment is closed gets
// into it, and later ones do not.
func TestSealWaitsForStages(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "before", "before")
	early := n.job("c", n.submit(n.accepted("c", "early", "early")))
	silver, chunks := refine(early, "early")
	if _, err := n.StageSilver(ctx, early, encode(t, silver)); err != nil {
		t.Fatal(err)
	}
	if id := n.seal("c"); id != 1 {
		t.Fatalf("sealed segment %d", id)
	}
	n.ingest("c", "late", "late")
	_, err := n.Seal(ctx, root, "c")
	wantCode(t, err, lode.CodeConflict)
	if err := n.StageChunks(ctx, early, chunks); err != nil {
		t.Fatal(err)
	}
	if err := n.Complete(ctx, n.completion(early, "early", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := n.SealDue(ctx); err != nil {
		t.Fatal(err)
	}
	all, err := n.Segments(ctx, root, "c")
	if err != nil || len(all) != 2 || all[0].State != storage.SegmentSealed || all[0].Members != 2 || all[1].State != storage.SegmentGrowing || all[1].Members != 1 {
		t.Errorf("segments %+v, %v", all, err)
	}
	if got := fmt.Sprint(slices.Sorted(slices.Values(n.texts(root, "c", lode.Filter{})))); got != "[before early late]" {
		t.Errorf("texts %s", got)
	}
}

// TestSealDue seals by size.
func TestSealDue(t *testing.T) {
	n := open(t, func(o *collection.Options) { o.SealBytes = 10_000 })
	n.create("c")
	for i := range 200 {
		id := fmt.Sprint("p", i)
		if _, err := n.PutPoints(ctx, root, "c", []lode.Point{{ID: lode.DocID(id), Vector: vectorOf(id), Text: strings.Repeat("x", 100)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.SealDue(ctx); err != nil {
			t.Fatal(err)
		}
	}
	all, err := n.Segments(ctx, root, "c")
	if err != nil || len(all) < 4 {
		t.Fatalf("%d segments, %v", len(all), err)
	}
	for i, s := range all {
		if i < len(all)-1 && (s.State != storage.SegmentSealed || s.Bytes < 10_000 || s.Bytes > 11_000) {
			t.Errorf("segment %+v", s)
		}
	}
}

// TestCrashesWhileSealing: whatever had reached the files when the process died, the log
// leads to the same state.
func TestCrashesWhileSealing(t *testing.T) {
	for flushed := range 6 {
		t.Run(fmt.Sprint(flushed), func(t *testing.T) {
			n := open(t)
			n.storage.FlushInterval = time.Hour
			n.restart()
			n.create("c")
			steps := []func(){
				func() { n.ingest("c", "a", "a") },
				func() { n.ingest("c", "b", "b") },
				func() { n.seal("c") },
				func() { n.ingest("c", "b", "b again") },
				func() { n.ingest("c", "c", "c") },
			}
			for i, step := range steps {
				if i == flushed {
					n.flush()
				}
				step()
			}
			want := n.hash()
			n.crash()
			n.check()
			if n.hash() != want {
				t.Error("the log leads to another state")
			}
			if got := fmt.Sprint(slices.Sorted(slices.Values(n.texts(root, "c", lode.Filter{})))); got != "[a b again c]" {
				t.Errorf("texts %s", got)
			}
			if _, err := n.store.SweepSegments(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
