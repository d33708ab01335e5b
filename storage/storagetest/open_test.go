package storagetest_test

import (
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/storagetest"
)

// recorder notes what a test would have failed with.
type recorder struct {
	testing.TB
	failures int
}

func (r *recorder) Errorf(string, ...any) { r.failures++ }

// TestMustCheckCatches is the negative control of every test that opens a store here.
func TestMustCheckCatches(t *testing.T) {
	s := storagetest.Open(t)
	r := &recorder{TB: t}
	storagetest.MustCheck(r, s)
	if r.failures != 0 {
		t.Errorf("a new store has %d breaches", r.failures)
	}
	job := lode.Job{Collection: 1, Doc: 1, Version: 1}
	err := s.Update(storage.Applied{Index: 1, Term: 1}, func(tx *storage.Tx) error {
		if err := tx.InitCluster("c", make([]byte, storage.MinIDKeyBytes)); err != nil {
			return err
		}
		id, err := tx.NextCollectionID()
		if err != nil {
			return err
		}
		if err := tx.PutCollection(&lode.Collection{ID: id, Name: "c"}); err != nil {
			return err
		}
		return tx.PutJob(job) // of a version that does not exist
	})
	if err != nil {
		t.Fatal(err)
	}
	if storagetest.MustCheck(r, s); r.failures != 1 {
		t.Errorf("%d breaches, want 1", r.failures)
	}
	err = s.Update(storage.Applied{Index: 2, Term: 1}, func(tx *storage.Tx) error { return tx.DropJob(job) })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if storagetest.MustCheck(r, s); r.failures != 1 {
		t.Error("a closed store was checked")
	}
}
