package collection_test

import (
	"errors"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// TestRoom: without room what makes the data grow is refused before it reaches the log, and
// what ends admitted work or deletes is not even asked. Every claim is given back.
func TestRoom(t *testing.T) {
	refusal := lode.Errorf(lode.CodeNoStorage, "no room")
	full, claims := false, 0
	n := open(t, func(o *collection.Options) {
		o.Room = func(bytes int64) (func(), error) {
			if bytes <= 0 {
				t.Errorf("asked for %d bytes", bytes)
			}
			if full {
				return nil, refusal
			}
			claims++
			return func() { claims-- }, nil
		}
	})
	n.create("c")
	n.ingest("c", "old", "old")
	job := n.job("c", n.submit(n.accepted("c", "staged", "staged")))
	failing := n.job("c", n.submit(n.accepted("c", "failing", "failing")))
	silver, chunks := refine(job, "staged")
	encoded, err := storage.EncodeSilver(silver)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := n.StageSilver(ctx, job, encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.StageChunks(ctx, job, chunks); err != nil {
		t.Fatal(err)
	}

	full = true
	entries := n.store.Applied().Index
	for name, write := range map[string]func() error{
		"submit":            func() error { _, err := n.Submit(ctx, root, n.accepted("c", "new", "new")); return err },
		"stage silver":      func() error { _, err := n.StageSilver(ctx, failing, encoded); return err },
		"create collection": func() error { _, err := n.CreateCollection(ctx, root, lode.Collection{Name: "new"}); return err },
	} {
		if err := write(); !errors.Is(err, refusal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := n.store.Applied().Index; now != entries {
		t.Errorf("%d entries of refused commands are in the log", now-entries)
	}
	if err := n.Complete(ctx, n.completion(job, "staged", parts)); err != nil {
		t.Errorf("complete: %v", err)
	}
	if failing, err = n.Claim(ctx, failing); err != nil {
		t.Errorf("claim: %v", err)
	}
	if err := n.Fail(ctx, failing, lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed, Reason: "x"}, nil); err != nil {
		t.Errorf("fail: %v", err)
	}
	if errs, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{"old"}); err != nil || errs[0] != nil {
		t.Errorf("delete: %v, %v", errs, err)
	}
	if claims != 0 {
		t.Errorf("%d claims are not given back", claims)
	}
}
