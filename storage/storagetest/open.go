package storagetest

import (
	"context"
	"testing"

	"github.com/lodedb/lode/storage"
)

// Open opens a store in a new temporary folder. When the test ends the store is checked,
// which fails the test on every breach that is not benign, and closed.
func Open(tb testing.TB) *storage.Store {
	tb.Helper()
	return OpenDir(tb, tb.TempDir(), storage.Options{})
}

// OpenDir is Open for a folder and options of the test. A store that the test has closed
// itself, to open the folder again, is not checked.
func OpenDir(tb testing.TB, dir string, o storage.Options) *storage.Store {
	tb.Helper()
	s, err := storage.Open(dir, o)
	if err != nil {
		tb.Fatalf("open store: %v", err)
	}
	tb.Cleanup(func() {
		MustCheck(tb, s)
		if err := s.Close(); err != nil {
			tb.Errorf("close store: %v", err)
		}
	})
	return s
}

// MustCheck fails the test on every breach of an open store that is not benign.
func MustCheck(tb testing.TB, s *storage.Store) {
	tb.Helper()
	err := s.Check(context.Background(), func(b storage.Breach) {
		if !b.Benign {
			tb.Errorf("store is inconsistent: %s", b)
		}
	})
	if err != nil && !storage.IsClosed(err) {
		tb.Errorf("check store: %v", err)
	}
}
