package collection_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// TestFullCatalogue: at the limit of the catalogue writes that need room are refused before
// they reach the log. An entry in the log that does not fit would stop the node, and stop it
// again at every start. Deleting goes on, and makes room.
func TestFullCatalogue(t *testing.T) {
	n := open(t)
	n.stop()
	n.storage.MaxBytes = storage.MinMaxBytes
	n.start()
	n.create("c")
	waiting := n.submit(n.accepted("c", "waiting", "waiting"))
	text := strings.Repeat("0123456789abcdef", lode.MaxMetadataTextBytes/16)
	large := lode.Metadata{} // what is in the catalogue; rows are not
	for i := range 3 {
		large[fmt.Sprint("key", i)] = lode.StringValue(text)
	}
	var ids []lode.DocID
	put := func(first int) error {
		points := make([]lode.Point, 24)
		for i := range points {
			id := fmt.Sprint(first + i)
			points[i] = lode.Point{ID: lode.DocID(id), Vector: vectorOf(id), Metadata: large}
		}
		errs, err := n.PutPoints(ctx, root, "c", points)
		if err = errors.Join(append(errs, err)...); err == nil && first == len(ids) {
			for i := range points {
				ids = append(ids, points[i].ID)
			}
		}
		return err
	}
	var full error
	for full == nil && len(ids) < 2000 {
		full = put(len(ids))
	}
	if fatal := (collection.Fatal{}); errors.As(full, &fatal) {
		t.Fatalf("after %d points the node stops: %v", len(ids), full)
	}
	wantCode(t, full, lode.CodeNoStorage)
	if len(ids) < 400 {
		t.Errorf("full after %d points", len(ids))
	}
	j := n.job("c", waiting)
	wantCode(t, put(len(ids)), lode.CodeNoStorage)
	n.restart()
	wantCode(t, put(len(ids)), lode.CodeNoStorage)

	errs, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, ids)
	if err = errors.Join(append(errs, err)...); err != nil {
		t.Fatalf("delete when full: %v", err)
	}
	if err := n.finish(j, "waiting"); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	n.ingest("c", "more", "more")
	for round := range 2 { // what was freed is used again
		for first := 0; first < len(ids)/2; first += 24 {
			if err := put(first); err != nil {
				t.Fatalf("round %d, point %d: %v", round, first, err)
			}
		}
		if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, ids); err != nil {
			t.Fatal(err)
		}
	}
}
