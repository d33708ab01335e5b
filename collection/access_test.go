package collection_test

import (
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

func encode(t tb, s *lode.SilverText) []byte {
	t.Helper()
	data, err := storage.EncodeSilver(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestHiddenReadsAsNotFound tries every call with a principal that may see one document
// of two.
func TestHiddenReadsAsNotFound(t *testing.T) {
	n := open(t)
	n.create("c")
	eve := lode.Principal{ID: "eve", Labels: []string{"e"}}
	hidden := n.accepted("c", "hidden", "zebra one")
	hidden.Readers = []string{"a"}
	r := n.submit(hidden)
	if err := n.finish(n.job("c", r), "zebra one"); err != nil {
		t.Fatal(err)
	}
	n.ingest("c", "open", "zebra two")
	points := []lode.Point{
		{ID: "hidden", Vector: lode.Vector{9, 9, 9, 9}, Text: "zebra", Readers: []string{"a"}},
		{ID: "open", Vector: lode.Vector{1, 0, 0, 0}, Text: "zebra"},
	}
	if errs, err := n.PutPoints(ctx, root, "c", points); err != nil || errs[0] != nil || errs[1] != nil {
		t.Fatal(errs, err)
	}

	_, _, err := n.Document(ctx, eve, "c", lode.KindDocument, "hidden")
	wantCode(t, err, lode.CodeNotFound)
	_, _, err = n.Silver(ctx, eve, "c", "hidden")
	wantCode(t, err, lode.CodeNotFound)
	_, _, err = n.Chunks(ctx, eve, "c", "hidden")
	wantCode(t, err, lode.CodeNotFound)
	_, err = n.Chunk(ctx, eve, "c", lode.ChunkID{Doc: r.Doc, Version: 1}, time.Time{})
	wantCode(t, err, lode.CodeNotFound)
	_, err = n.Point(ctx, eve, "c", "hidden")
	wantCode(t, err, lode.CodeNotFound)
	_, err = n.Retry(ctx, eve, "c", "hidden")
	wantCode(t, err, lode.CodeNotFound)
	_, err = n.Submit(ctx, eve, hidden)
	wantCode(t, err, lode.CodeConflict)
	errs, err := n.PutPoints(ctx, eve, "c", points)
	if err != nil || errs[1] != nil {
		t.Errorf("put points: %v, %v", errs, err)
	}
	wantCode(t, errs[0], lode.CodeConflict)
	errs, err = n.DeleteDocuments(ctx, eve, "c", lode.KindDocument, []lode.DocID{"hidden"})
	if err != nil {
		t.Error(err)
	}
	wantCode(t, errs[0], lode.CodeNotFound)
	page, _, err := n.Documents(ctx, eve, "c", collection.DocumentsQuery{})
	if err != nil || len(page) != 1 || page[0].Document.ID != "open" {
		t.Errorf("documents: %+v, %v", page, err)
	}
	if _, stats, _ := n.Collection(ctx, eve, "c"); stats != (lode.CollectionStats{Documents: 1, Vectors: 1, Chunks: 1}) {
		t.Errorf("stats %+v", stats)
	}
	if _, stats, _ := n.Collection(ctx, root, "c"); stats != (lode.CollectionStats{Documents: 2, Vectors: 2, Chunks: 2}) {
		t.Errorf("stats %+v", stats)
	}
	v := n.view(eve, "c")
	dense, err := v.Dense(ctx, lode.Vector{1, 1, 1, 1}, 10, lode.Filter{})
	if err != nil || len(dense) != 2 {
		t.Errorf("dense: %+v, %v", dense, err)
	}
	lexical, err := v.Lexical(ctx, "zebra", 10, lode.Filter{})
	if err != nil || len(lexical) != 2 {
		t.Errorf("lexical: %+v, %v", lexical, err)
	}
	all, err := n.view(root, "c").Dense(ctx, lode.Vector{1, 1, 1, 1}, 10, lode.Filter{})
	if err != nil || len(all) != 4 {
		t.Fatalf("all: %+v, %v", all, err)
	}
	if _, err := v.Rows(ctx, rowIDs(all), true); err == nil {
		t.Error("rows gave out a row that the principal may not see")
	}
}

// TestNoPrincipal: every call refuses the zero principal itself.
func TestNoPrincipal(t *testing.T) {
	n := open(t)
	n.create("c")
	var none lode.Principal
	calls := map[string]func() error{
		"create":     func() error { _, err := n.CreateCollection(ctx, none, lode.Collection{Name: "x"}); return err },
		"collection": func() error { _, _, err := n.Collection(ctx, none, "c"); return err },
		"list":       func() error { _, _, err := n.Collections(ctx, none, "", 0); return err },
		"drop":       func() error { return n.DeleteCollection(ctx, none, "c") },
		"submit":     func() error { _, err := n.Submit(ctx, none, n.accepted("c", "d", "x")); return err },
		"retry":      func() error { _, err := n.Retry(ctx, none, "c", "d"); return err },
		"document": func() error {
			_, _, err := n.Document(ctx, none, "c", lode.KindDocument, "d")
			return err
		},
		"documents": func() error {
			_, _, err := n.Documents(ctx, none, "c", collection.DocumentsQuery{})
			return err
		},
		"delete": func() error {
			_, err := n.DeleteDocuments(ctx, none, "c", lode.KindDocument, []lode.DocID{"d"})
			return err
		},
		"silver": func() error { _, _, err := n.Silver(ctx, none, "c", "d"); return err },
		"chunks": func() error { _, _, err := n.Chunks(ctx, none, "c", "d"); return err },
		"chunk":  func() error { _, err := n.Chunk(ctx, none, "c", lode.ChunkID{Doc: 1}, time.Time{}); return err },
		"put":    func() error { _, err := n.PutPoints(ctx, none, "c", nil); return err },
		"point":  func() error { _, err := n.Point(ctx, none, "c", "d"); return err },
		"view":   func() error { _, err := n.View(ctx, none, "c"); return err },
	}
	for name, call := range calls {
		if err := call(); !lode.IsCode(err, lode.CodeUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
