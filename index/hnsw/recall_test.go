package hnsw_test

import (
	"math"
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

const testRows = 6000

// Floors of recall@10 at breadth 64, for every kind, before and after sealing. They are what
// the reference implementation of HNSW reaches on these rows, less a hundredth.
func TestRecallFloors(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: recall of twelve graphs, under -short")
	}
	for _, c := range []struct {
		d     *dataset
		floor float64
	}{
		{realData(t, "words100", testRows, 100), 0.96},
		{realData(t, "sift128", testRows, 100), 0.98},
		{clustered(t, testRows, 96, 60), 0.98},
	} {
		for _, kind := range kinds {
			x := build(t, c.d, hnsw.Options{Kind: kind, EfConstruction: 100})
			sealed, err := x.Freeze()
			if err != nil {
				t.Fatal(err)
			}
			floor := c.floor
			if kind == quant.Bit1 {
				floor -= 0.1 // a bit is coarse for so few dimensions
			}
			o := hnsw.SearchOptions{Ef: 64}
			grown, frozen := c.d.recall(t, x, o), c.d.recall(t, sealed, o)
			t.Logf("%s, %s: recall %.4f, sealed %.4f", c.d.name, kind, grown, frozen)
			if grown < floor || math.Abs(grown-frozen) > 0.01 {
				t.Errorf("%s, %s: recall %.4f, sealed %.4f, floor %.2f", c.d.name, kind, grown, frozen, floor)
			}
			if exact := c.d.recall(t, sealed, hnsw.SearchOptions{Exact: true}); exact != 1 {
				t.Errorf("%s, %s: recall of exact search %.4f", c.d.name, kind, exact)
			}
		}
	}
}

// Threads must not cost recall.
func TestThreadsBuildTheSameRecall(t *testing.T) {
	d := clustered(t, testRows, 48, 60)
	recall := func(threads int) float64 {
		return d.recall(t, build(t, d, hnsw.Options{Threads: threads, EfConstruction: 60}), hnsw.SearchOptions{Ef: 20})
	}
	one, four := recall(1), recall(4)
	t.Logf("recall %.4f with one thread, %.4f with four", one, four)
	if math.Abs(one-four) > 0.015 {
		t.Errorf("recall %.4f with one thread, %.4f with four", one, four)
	}
}

// Half of the rows deleted at random: the rest must be found as in a graph of the rest alone.
func TestHalfDeleted(t *testing.T) {
	all := clustered(t, testRows, 48, 60)
	x := build(t, all, hnsw.Options{EfConstruction: 100})
	keep := index.NewBitset(testRows)
	rest := *all
	rest.rows = nil
	for i, v := range all.rows {
		if i*7919%testRows < testRows/2 {
			keep.Set(uint32(i))
			rest.rows = append(rest.rows, v)
		} else {
			x.Delete(uint32(i))
		}
	}
	fresh := newDataset(t, "rest", all.metric, rest.rows, all.queries)
	var stats hnsw.Stats
	o := hnsw.SearchOptions{Ef: 12, Stats: &stats} // little enough to traverse
	want := fresh.recall(t, build(t, fresh, hnsw.Options{EfConstruction: 100}), o)
	compact := fresh.recall(t, x.Compact(keep).(*hnsw.Index), o)
	// Ordinals of the rest in the whole.
	var ordinals []uint32
	keep.Each(func(o uint32) bool { ordinals = append(ordinals, o); return true })
	for i := range fresh.truth {
		for j := range fresh.truth[i] {
			fresh.truth[i][j].Ordinal = ordinals[fresh.truth[i][j].Ordinal]
		}
	}
	got := fresh.recall(t, x, o)
	t.Logf("recall of the rest %.4f, of a fresh graph %.4f, after compacting %.4f", got, want, compact)
	if x.Deleted() != testRows-len(ordinals) {
		t.Errorf("%d rows deleted, not %d", x.Deleted(), testRows-len(ordinals))
	}
	if stats.Scanned {
		t.Error("the rest was scanned")
	}
	if got < want-0.01 || compact < want-0.01 {
		t.Errorf("recall of the rest %.4f, after compacting %.4f, of a fresh graph %.4f", got, compact, want)
	}
}
