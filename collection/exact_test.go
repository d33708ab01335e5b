package collection_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestDenseRanks: places are those of an exact search, over sealed graphs and what grows, under access
// and filter, and for more rows than are compared at a time.
func TestDenseRanks(t *testing.T) {
	n := open(t, withGraphs(new(testGraphs)))
	n.create("c")
	n.manyPoints("c", 0, 5000, "all")
	n.seal("c")
	n.buildGraphs(1)
	n.manyPoints("c", 5000, 400, "all")
	n.manyPoints("c", 5400, 50, "others")
	v := n.view(lode.Principal{ID: "w", Labels: []string{"all"}}, "c")
	hidden, err := n.view(root, "c").Dense(ctx, vectorOf("query"), lode.MaxK, eq("tenant", "others"))
	if err != nil || len(hidden) != 50 {
		t.Fatal(len(hidden), err)
	}
	for _, f := range []lode.Filter{{}, eq("tenant", "2")} {
		want, err := v.DenseWith(ctx, vectorOf("query"), lode.DenseSearch{K: lode.MaxK, Filter: f, Exact: true})
		if err != nil || len(want) < 1000 {
			t.Fatal(len(want), err)
		}
		ids := append(rowIDs(want), hidden[0].Row, 1<<40)
		got, err := v.DenseRanks(ctx, vectorOf("query"), f, ids)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range want {
			if got[i] != (collection.DenseRank{Score: c.Score, Rank: i + 1}) {
				t.Fatalf("row %d is %+v, want rank %d with %v", c.Row, got[i], i+1, c.Score)
			}
		}
		if none := got[len(want):]; none[0].Rank != 0 || none[1].Rank != 0 {
			t.Errorf("ranks of what may not be found: %+v", none)
		}
	}
	_, err = v.DenseRanks(ctx, lode.Vector{1}, lode.Filter{}, nil)
	wantCode(t, err, lode.CodeInvalid)
}

// manyPoints writes raw vectors with a number as their tenant, or the reader where that is another.
func (n *node) manyPoints(coll string, from, count int, reader string) {
	n.t.Helper()
	var points []lode.Point
	for i := from; i < from+count; i++ {
		tenant := fmt.Sprint(i % 4)
		if reader != "all" {
			tenant = reader
		}
		id := fmt.Sprint("p", i)
		points = append(points, lode.Point{ID: lode.DocID(id), Vector: vectorOf(id), Text: id, Readers: []string{reader}, Metadata: lode.Metadata{"tenant": lode.StringValue(tenant)}})
	}
	if _, err := n.PutPoints(ctx, root, coll, points); err != nil {
		n.t.Fatal(err)
	}
}

func TestStanding(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "shown", "a text")
	n.submit(n.accepted("c", "waits", "another"))
	n.manyPoints("c", 0, 1, "staff")
	v := n.view(root, "c")
	for id, shown := range map[lode.DocID]bool{"shown": true, "waits": false} {
		s, err := v.Standing(ctx, lode.KindDocument, id, 0)
		if err != nil || (s.Current != nil) != shown || s.Newest.Version != 1 || s.Document.ID != id || s.Expired {
			t.Fatalf("%s: %+v, %v", id, s, err)
		}
		same, err := v.Standing(ctx, lode.KindDocument, "", s.Document.No)
		if err != nil || same.Document.ID != id {
			t.Errorf("%s by number: %+v, %v", id, same, err)
		}
	}
	point, err := v.Standing(ctx, lode.KindVector, "p0", 0)
	if err != nil || point.Current.Chunks != 1 {
		t.Fatalf("%+v, %v", point, err)
	}
	ids := []lode.RowID{point.Current.FirstRow, 1}
	times, err := v.Received(ctx, ids)
	if err != nil || len(times) != 2 || !times[0].Equal(point.Current.ReceivedAt) || times[1].After(time.Now().AddDate(100, 0, 0)) || times[1].IsZero() {
		t.Errorf("%v, %v", times, err)
	}
	// What may not be seen looks as what is not there.
	guest := n.view(lode.Principal{ID: "guest"}, "c")
	_, hidden := guest.Standing(ctx, lode.KindVector, "p0", 0)
	_, missing := guest.Standing(ctx, lode.KindVector, "nothing", 0)
	wantCode(t, hidden, lode.CodeNotFound)
	wantCode(t, missing, lode.CodeNotFound)
	if _, err := guest.Received(ctx, ids); err != collection.ErrViewGone {
		t.Errorf("times of a hidden row: %v", err)
	}
}
