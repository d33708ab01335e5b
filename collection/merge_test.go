package collection_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// TestMerge: segments become one, without and with a graph, and nothing that is asked shows it:
// not while rows go and change, not after a restart, not on a node that builds it from the log.
func TestMerge(t *testing.T) {
	g := &testGraphs{}
	n, twin := open(t, withGraphs(g), func(o *collection.Options) { o.Merge = storage.MergePolicy{Factor: 3, MaxInputs: 3} }), open(t)
	same := func(step string) {
		t.Helper()
		for _, f := range []lode.Filter{{}, lode.WhereEq("year", lode.IntegerValue(2001))} {
			if got, want := n.nearest("query", f), twin.nearest("query", f); got != want {
				t.Errorf("%s: the answer is\n%s, want\n%s", step, got, want)
			}
			if got, want := n.sees(root, f), twin.sees(root, f); got != want {
				t.Errorf("%s: sees %s, want %s", step, got, want)
			}
		}
		n.check()
	}
	both := func(step string, do func(*node)) {
		t.Helper()
		do(n)
		do(twin)
		same(step)
	}
	merge := func(want int) {
		t.Helper()
		if merged, err := n.MergeDue(ctx); err != nil || merged != want {
			t.Fatalf("%d merges, want %d: %v", merged, want, err)
		}
	}
	both("filled", func(x *node) {
		x.create("c")
		for i := range 60 {
			putPoint(x, i, int64(2000+i%7))
			if i%20 == 19 {
				x.seal("c")
			}
		}
	})
	n.buildGraphs(3)
	both("replaced", func(x *node) { putPoint(x, 8, 1999) })
	merge(1)
	same("merged, with the graphs of before")
	both("deleted after", func(x *node) {
		if _, err := x.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{"p3", "p25"}); err != nil {
			t.Fatal(err)
		}
	})
	n.buildGraphs(1)
	same("a graph over all")
	both("described after", func(x *node) { putPoint(x, 30, 2001) })
	merge(0)
	n.flush()
	if _, err := n.SweepSegments(); err != nil {
		t.Fatal(err)
	}
	if _, sealed := n.segmentFiles(); len(sealed) != 3 { // the file, its graph and its words
		t.Errorf("files %v", sealed)
	}
	n.restart()
	same("restarted")
	n.buildGraphs(0)
	both("two more segments", func(x *node) {
		for i := range 40 {
			putPoint(x, 100+i, 2001)
			if i%20 == 19 {
				x.seal("c")
			}
		}
	})
	n.buildGraphs(2)
	merge(1)
	n.buildGraphs(1)
	same("merged again")
	both("most is deleted", func(x *node) {
		var ids []lode.DocID
		for i := range 45 {
			ids = append(ids, lode.DocID(fmt.Sprint("p", i)))
		}
		if _, err := x.DeleteDocuments(ctx, root, "c", lode.KindVector, ids); err != nil {
			t.Fatal(err)
		}
	})
	merge(1) // for what is dead
	n.buildGraphs(1)
	same("rid of what was dead")
	all, err := n.Segments(ctx, root, "c")
	if err != nil || len(all) != 1 || all[0].FileRows != all[0].Rows {
		t.Errorf("segments %+v, %v", all, err)
	}
	other := replay(t, n.log.all(), 5)
	if got, want := other.sees(root, lode.Filter{}), n.sees(root, lode.Filter{}); got != want || other.hash() != n.hash() {
		t.Errorf("another node sees %s, want %s", got, want)
	}
	_, mine := n.segmentFiles()
	_, its := other.segmentFiles()
	if !slices.Contains(mine, its[0]) {
		t.Errorf("another node has %v, want one of %v", its, mine)
	}
}

// TestCrashesWhileMerging: whatever had reached the files when the process died, the log leads
// to the same state, and a merge that was begun ends.
func TestCrashesWhileMerging(t *testing.T) {
	for flushed := range 6 {
		t.Run(fmt.Sprint(flushed), func(t *testing.T) {
			n := open(t, func(o *collection.Options) { o.Merge = storage.MergePolicy{Factor: 2, MaxInputs: 2} })
			n.create("c")
			steps := []func(){
				func() { n.point("a", "x"); n.point("b", "x"); n.seal("c") },
				func() { n.point("c", "x"); n.seal("c") },
				func() {
					if _, err := n.MergeDue(ctx); err != nil {
						t.Fatal(err)
					}
				},
				func() { n.point("b", "y") },
				func() { n.point("d", "x") },
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
			if _, err := n.MergeDue(ctx); err != nil {
				t.Error(err)
			}
			if got := n.sees(root, lode.Filter{}); got != "a b c d" {
				t.Errorf("sees %s", got)
			}
		})
	}
}

// TestSmallMerges: merged segments with too few rows for a graph are searched as one, in words and
// named spaces too, whatever goes and is numbered anew meanwhile.
func TestSmallMerges(t *testing.T) {
	s := spaced(t, withGraphs(&testGraphs{}), func(o *collection.Options) {
		o.GraphRows, o.Merge = 10_000, storage.MergePolicy{Factor: 2, MaxInputs: 2}
	})
	for i := range 8 {
		s.put(numbers(i*10, i*10+10)...)
		s.drop(numbers(i*10+3, i*10+5)...)
		s.seal("c")
		if _, err := s.MergeDue(ctx); err != nil {
			t.Fatal(err)
		}
		s.verify("merged")
		s.put(numbers(i*10, i*10+2)...)
		s.buildGraphs(0)
		s.verify("searched as one")
		s.drop(numbers(i*10+6, i*10+7)...)
		s.verify("fewer")
	}
	all, err := s.Segments(ctx, root, "c")
	if err != nil {
		t.Fatal(err)
	}
	use, err := s.SegmentsInUse(root, "c")
	if err != nil || len(use) != len(all) {
		t.Errorf("%d segments are searched, %d are there (%v)", len(use), len(all), err)
	}
	s.restart()
	s.verify("restarted")
}
