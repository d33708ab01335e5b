package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestPoints: new, equal, described anew, replaced and removed.
func TestPoints(t *testing.T) {
	n := open(t)
	n.create("c")
	p := lode.Point{
		ID: "p", Vector: lode.Vector{1, 2, 3, 4}, Text: "the zebra",
		Metadata: lode.Metadata{"n": lode.ListValue(lode.IntegerValue(1), lode.FloatValue(1.5))}, Readers: []string{"b", "a"},
	}
	row := func() lode.RowID {
		t.Helper()
		found, err := n.view(root, "c").Dense(ctx, p.Vector, 10, lode.Filter{})
		if err != nil || len(found) != 1 {
			t.Fatalf("search: %v, %v", found, err)
		}
		return found[0].Row
	}
	put := func() lode.RowID {
		t.Helper()
		versions, errs, err := n.Engine.PutPoints(ctx, root, lode.Write{}, "c", []lode.Point{p})
		if err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
		got, err := n.Point(ctx, root, "c", "p")
		want := p
		want.Version = versions[0]
		want.Readers = slices.Sorted(slices.Values(p.Readers))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("point: %v\n%s", err, diff)
		}
		return row()
	}
	first := put()
	before := n.hash()
	if put() != first || n.hash() != before {
		t.Error("equal content was not a no-op")
	}
	p.Metadata = nil
	if put() != first {
		t.Error("other metadata moved the row")
	}
	p.Text = "the lion"
	second := put()
	if second <= first {
		t.Errorf("row %d replaced row %d", second, first)
	}
	if found, err := n.view(root, "c").Lexical(ctx, "zebra", 10, lode.Filter{}); err != nil || len(found) != 0 {
		t.Errorf("the replaced text is found: %v, %v", found, err)
	}
	p.Vector = lode.Vector{4, 3, 2, 1}
	put()
	doc, v, err := n.Document(ctx, root, "c", lode.KindVector, "p")
	if err != nil || doc.Current != 3 || v.State != lode.StateReady || doc.CreatedAt.Equal(doc.UpdatedAt) {
		t.Errorf("document %+v %+v %v", doc, v, err)
	}
	if errs, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{"p", "p", ""}); err != nil || errs[0] != nil || errs[1] == nil || errs[2] == nil {
		t.Errorf("delete: %v, %v", errs, err)
	}
	_, err = n.Point(ctx, root, "c", "p")
	wantCode(t, err, lode.CodeNotFound)
	if _, stats, _ := n.Collection(ctx, root, "c"); stats != (lode.CollectionStats{}) {
		t.Errorf("stats %+v", stats)
	}
}

// TestPointsAreSplit: a batch of any size goes through the log in entries of the limit, and
// a bad point costs no other.
func TestPointsAreSplit(t *testing.T) {
	n := open(t)
	n.create("c")
	before := len(n.log.all())
	points := make([]lode.Point, 40)
	text := strings.Repeat("x", lode.MaxPointTextBytes)
	for i := range points {
		points[i] = lode.Point{ID: lode.DocID(fmt.Sprint(i)), Vector: vectorOf(fmt.Sprint(i)), Text: text}
	}
	points[7].Vector = nil
	points[39].Text += "x"
	errs, err := n.PutPoints(ctx, root, "c", points)
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range errs {
		if bad := i == 7 || i == 39; bad != (err != nil) {
			t.Errorf("point %d: %v", i, err)
		}
	}
	entries := n.log.all()[before:]
	if len(entries) < 5 {
		t.Errorf("%d entries", len(entries))
	}
	for _, e := range entries {
		if len(e.Data) > collection.MaxCommandBytes {
			t.Errorf("an entry has %d bytes", len(e.Data))
		}
	}
	if _, stats, _ := n.Collection(ctx, root, "c"); stats.Vectors != 38 {
		t.Errorf("stats %+v", stats)
	}
}

// TestLargeDocument: silver and chunks of several megabytes are staged in parts and read
// back whole.
func TestLargeDocument(t *testing.T) {
	n := open(t)
	n.create("c")
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "%d %s\n", i, strings.Repeat("word ", 100))
	}
	n.ingest("c", "d", text.String())
	for _, e := range n.log.all() {
		if len(e.Data) > collection.MaxCommandBytes {
			t.Errorf("an entry has %d bytes", len(e.Data))
		}
	}
	silver, v, err := n.Silver(ctx, root, "c", "d")
	if err != nil || silver.Text != text.String() || v.Chunks != 3001 {
		t.Errorf("silver differs: %v", err)
	}
	chunks, v, err := n.Chunks(ctx, root, "c", "d")
	if err != nil || len(chunks) != 3001 || lode.GoldHash(chunks) != v.Gold {
		t.Errorf("%d chunks, %v", len(chunks), err)
	}
	row, err := n.Chunk(ctx, root, "c", chunks[2999].ID, time.Time{})
	if err != nil || row.ID != v.FirstRow+2999 || !slices.Equal(row.Vector, vectorOf(row.Chunk.Text)) {
		t.Errorf("row %d, %v", row.ID, err)
	}
}

// TestPages: lists go by cursor and lose nothing, over batches of the scan too.
func TestPages(t *testing.T) {
	n := open(t)
	n.create("c")
	for _, name := range []string{"b", "a", "d"} {
		n.create(name)
	}
	infos, next, err := n.Collections(ctx, root, "a", 2)
	if err != nil || next != "c" || len(infos) != 2 || infos[0].Collection.Name != "b" {
		t.Errorf("collections %+v %q %v", infos, next, err)
	}
	if infos, next, err = n.Collections(ctx, root, next, 2); err != nil || next != "" || len(infos) != 1 {
		t.Errorf("collections %+v %q %v", infos, next, err)
	}
	points := make([]lode.Point, 1100)
	for i := range points {
		points[i] = lode.Point{ID: lode.DocID(fmt.Sprint(i)), Vector: vectorOf(fmt.Sprint(i))}
	}
	for i := range 7 {
		if i == 3 { // raw vectors lie between the documents
			if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
				t.Fatal(err)
			}
		}
		a := n.accepted("c", lode.DocID(fmt.Sprint("d", i)), fmt.Sprint(i))
		a.Metadata = lode.Metadata{"odd": lode.BoolValue(i%2 == 1)}
		n.submit(a)
	}
	list := func(q collection.DocumentsQuery) (ids string) {
		t.Helper()
		for pages := 0; ; pages++ {
			page, next, err := n.Documents(ctx, root, "c", q)
			if err != nil || pages > 10 {
				t.Fatal(pages, err)
			}
			for _, item := range page {
				ids += string(item.Document.ID) + " "
			}
			if next == 0 {
				return ids
			}
			q.After = next
		}
	}
	for _, limit := range []int{0, 1, 2, 7} {
		if got := list(collection.DocumentsQuery{Limit: limit}); got != "d0 d1 d2 d3 d4 d5 d6 " {
			t.Errorf("limit %d: %s", limit, got)
		}
	}
	odd := lode.WhereEq("odd", lode.BoolValue(true))
	if got := list(collection.DocumentsQuery{Filter: odd, State: lode.StatePending, Limit: 1}); got != "d1 d3 d5 " {
		t.Errorf("odd ones: %s", got)
	}
	if got := list(collection.DocumentsQuery{State: lode.StateReady}); got != "" {
		t.Errorf("ready ones: %s", got)
	}
}
