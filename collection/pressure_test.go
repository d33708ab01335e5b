package collection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// TestBackPressure: who fills segments faster than they are sealed is held back, with and
// without a key, other collections are not, and it ends by itself.
func TestBackPressure(t *testing.T) {
	n := open(t, func(o *collection.Options) { o.SealBytes = 4 << 10 })
	n.create("c")
	n.create("other")
	put := func(name, id string, w lode.Write) error {
		_, errs, err := n.Engine.PutPoints(ctx, root, w, name, []lode.Point{{ID: lode.DocID(id), Vector: vectorOf(id), Text: strings.Repeat("word ", 100)}})
		if err == nil {
			err = errs[0]
		}
		return err
	}
	job := n.job("c", n.submit(n.accepted("c", "slow", "slow"))) // staged all the while
	silver, chunks := refine(job, "slow")
	if _, err := n.StageSilver(ctx, job, encode(t, silver)); err != nil {
		t.Fatal(err)
	}
	fill := func() (err error) {
		for i := 0; i < 200 && err == nil; i++ {
			err = put("c", fmt.Sprint("p", i), lode.Write{})
		}
		return err
	}
	n.seal("c") // waits for the stage
	err := fill()
	if !lode.IsCode(err, lode.CodeOverloaded) {
		t.Fatalf("writes beyond two segments: %v", err)
	}
	if err := put("c", "named", lode.Write{Key: "k", Request: lode.Hash{1}}); !lode.IsCode(err, lode.CodeOverloaded) {
		t.Errorf("a write with a key: %v", err)
	}
	if err := put("other", "p", lode.Write{}); err != nil {
		t.Errorf("another collection: %v", err)
	}
	if err := n.StageChunks(ctx, job, chunks); err != nil { // what was admitted goes on
		t.Fatal(err)
	}
	if err := n.Complete(ctx, n.completion(job, "slow", 1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := n.SealDue(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := put("c", "named", lode.Write{Key: "k", Request: lode.Hash{1}}); err != nil {
		t.Errorf("after the seal: %v", err)
	}
	all, err := n.Segments(ctx, root, "c")
	if err != nil || all[0].State != storage.SegmentSealed {
		t.Errorf("segments %+v, %v", all, err)
	}
}
