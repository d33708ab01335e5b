package api_test

import (
	"testing"

	"github.com/lodedb/lode"
)

func TestSegments(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	all, err := c.ListSegments(t.Context(), "docs")
	if err != nil || len(all) != 2 || all[0].State != "sealed" || all[0].Rows != 7 || all[0].Graph != 5 || all[0].Hash == nil || *all[0].Hash != (lode.Hash{1}) || all[1].Hash != nil {
		t.Errorf("%+v, %v", all, err)
	}
	if id, err := c.SealSegment(t.Context(), "docs"); err != nil || id != 2 {
		t.Errorf("sealed %d, %v", id, err)
	}
	if _, err := c.ListSegments(t.Context(), "missing"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("a missing collection: %v", err)
	}
	if _, err := c.SealSegment(t.Context(), "missing"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("a missing collection: %v", err)
	}
}
