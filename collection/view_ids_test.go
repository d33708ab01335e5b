package collection_test

import (
	"errors"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestViewKnows: what a view knows of rows is what was searched, also when they are replaced
// since, and only for those who may see them.
func TestViewKnows(t *testing.T) {
	n := open(t)
	n.create("c")
	p := lode.Point{ID: "p", Vector: lode.Vector{1, 2, 3, 4}, Metadata: lode.Metadata{"n": lode.IntegerValue(1)}, Readers: []string{"a"}}
	put := func() {
		t.Helper()
		if _, errs, err := n.Engine.PutPoints(ctx, root, lode.Write{}, "c", []lode.Point{p}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	put()
	view := n.view(root, "c")
	found, err := view.Dense(ctx, p.Vector, 1, lode.Filter{})
	if err != nil || len(found) != 1 {
		t.Fatalf("search: %v, %v", found, err)
	}
	ids := []lode.RowID{found[0].Row}
	stored, err := view.Rows(ctx, ids, false)
	if err != nil {
		t.Fatal(err)
	}
	p.Vector = lode.Vector{4, 3, 2, 1}
	put()
	if _, err := view.Rows(ctx, ids, false); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("the replaced row is read: %v", err)
	}
	known, err := view.Known(ctx, ids)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := known[0], stored[0]; got.ID != want.ID || got.Document != want.Document || got.Chunk.ID != want.Chunk.ID {
		t.Errorf("known %+v, stored %+v", got, want)
	}
	if _, err := n.view(root, "c").Known(ctx, ids); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("a later view knows the replaced row: %v", err)
	}
	other := n.view(lode.Principal{ID: "other", Labels: []string{"b"}}, "c")
	now, err := n.view(root, "c").Dense(ctx, p.Vector, 1, lode.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := other.Known(ctx, []lode.RowID{now[0].Row}); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("a row is known to who may not see it: %v, %v", rows, err)
	}
}
