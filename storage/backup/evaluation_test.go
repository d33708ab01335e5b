package backup_test

import (
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

// TestEvaluationsAreBackedUp: sets with their blobs and judgements come back, which the checker of the
// restored store confirms.
func TestEvaluationsAreBackedUp(t *testing.T) {
	n := newNode(t, "c1")
	n.show("first", words(1, 100))
	lines := []byte("questions of the set")
	blob, release, err := n.Blobs().Put(t.Context(), lines)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	n.update(func(tx *storage.Tx) error {
		d, err := tx.FindDocument(1, lode.KindDocument, "first")
		if err != nil {
			return err
		}
		if err := tx.PutFeedback(1, &storage.Feedback{Doc: d.No, Query: "q", Grade: 1}, 10); err != nil {
			return err
		}
		return tx.PutEvaluation(1, &storage.Evaluation{Name: "set", Blob: blob, Size: int64(len(lines)), Hash: blob, Questions: 1, Spans: 1})
	})
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{})
	made := create(t, r, n, backup.CreateOptions{})
	got, _ := restore(t, r, made.ID)
	if got.hash() != n.hash() {
		t.Error("the restored state is another")
	}
	content, err := got.Blobs().Get(t.Context(), blob)
	if err != nil || string(content) != string(lines) {
		t.Errorf("blob of the set: %q, %v", content, err)
	}
}
