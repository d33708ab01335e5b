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

// TestViewKnowsAmongGaps asks for every row of a collection that rows have left.
func TestViewKnowsAmongGaps(t *testing.T) {
	n := open(t)
	n.create("c")
	points := make([]lode.Point, 40)
	for i := range points {
		points[i] = lode.Point{ID: lode.DocID(rune('A' + i)), Vector: lode.Vector{1, 2, 3, float32(i)}}
	}
	if _, _, err := n.Engine.PutPoints(ctx, root, lode.Write{}, "c", points); err != nil {
		t.Fatal(err)
	}
	points[3].Vector = lode.Vector{9, 9, 9, 9} // gets a new row behind all others
	if _, _, err := n.Engine.PutPoints(ctx, root, lode.Write{}, "c", points[3:4]); err != nil {
		t.Fatal(err)
	}
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{"A", "K"}); err != nil {
		t.Fatal(err)
	}
	view := n.view(root, "c")
	found, err := view.Dense(ctx, lode.Vector{1, 2, 3, 4}, 40, lode.Filter{})
	if err != nil || len(found) != 38 {
		t.Fatalf("found %d rows, %v", len(found), err)
	}
	ids := make([]lode.RowID, len(found))
	for i := range found {
		ids[i] = found[i].Row
	}
	known, err := view.Known(ctx, ids)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := view.Rows(ctx, ids, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range known {
		if known[i].Document.ID != stored[i].Document.ID || known[i].Chunk.ID != stored[i].Chunk.ID {
			t.Errorf("row %d: known as %s, stored as %s", ids[i], known[i].Document.ID, stored[i].Document.ID)
		}
	}
}
