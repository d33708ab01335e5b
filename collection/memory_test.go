package collection_test

import (
	"slices"
	"testing"

	"github.com/lodedb/lode"
)

// TestTune: the settings that shape no data change, with a key once, survive a restart and a
// replay, and a bad change leaves them alone.
func TestTune(t *testing.T) {
	n := open(t)
	n.create("c")
	tune := func(w lode.Write, change lode.TuningChange) (lode.Collection, error) {
		return n.Tune(ctx, root, w, "c", change)
	}
	cold, pinned, warm := lode.MemoryCold, lode.MemoryPinned, lode.MemoryMode("warm")
	key := lode.Write{Key: "k", Request: lode.Hash{1}}
	if got, err := tune(key, lode.TuningChange{Memory: &cold}); err != nil || got.Tuning.Memory != cold {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := tune(lode.Write{}, lode.TuningChange{Memory: &pinned, Indexes: &[]string{"a", "b"}}); err != nil || got.Tuning.Memory != pinned {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := tune(key, lode.TuningChange{Memory: &cold}); err != nil || got.Tuning.Memory != cold {
		t.Errorf("a repetition is answered with %+v, %v", got, err) // and changes nothing
	}
	weight := 0.75
	if _, err := tune(lode.Write{}, lode.TuningChange{Ranking: &lode.Ranking{DenseWeight: &weight}}); err != nil {
		t.Fatal(err)
	}
	if r := n.view(root, "c").Collection().Tuning.Ranking; r == nil || *r.DenseWeight != weight {
		t.Errorf("queries take %+v", r)
	}
	_, err := tune(lode.Write{}, lode.TuningChange{Memory: &warm})
	wantCode(t, err, lode.CodeInvalid)
	_, err = n.Tune(ctx, root, lode.Write{}, "none", lode.TuningChange{Memory: &cold})
	wantCode(t, err, lode.CodeNotFound)
	n.restart()
	for _, m := range []*node{n, replay(t, n.log.all(), 1)} {
		c, _, err := m.Collection(ctx, root, "c")
		if err != nil || c.Tuning.Memory != pinned || !slices.Equal(c.Tuning.Indexes, []string{"a", "b"}) {
			t.Errorf("%+v, %v", c.Tuning, err)
		}
	}
}

// TestMemoryModes: segments answer alike however they are held in memory.
func TestMemoryModes(t *testing.T) {
	n := open(t, withGraphs(new(testGraphs)))
	n.create("c")
	for _, id := range []string{"a", "b", "c", "d"} {
		n.ingest("c", lode.DocID(id), id)
	}
	n.seal("c")
	n.buildGraphs(1)
	want := n.nearest("a", lode.Filter{})
	for _, mode := range []lode.MemoryMode{lode.MemoryCold, lode.MemoryPinned, lode.MemoryCached} {
		if _, err := n.Tune(ctx, root, lode.Write{}, "c", lode.TuningChange{Memory: &mode}); err != nil {
			t.Fatal(err)
		}
		n.buildGraphs(0)
		if got := n.nearest("a", lode.Filter{}); got != want {
			t.Errorf("%s: %s, want %s", mode, got, want)
		}
	}
}
