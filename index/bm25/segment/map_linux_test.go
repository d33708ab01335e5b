package segment

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// A page of a mapped file that cannot be read must be an error, not the end of the program.
func TestUnreadablePages(t *testing.T) {
	rng := seeded(t)
	var rows []Row
	for range 3000 {
		rows = append(rows, randomRow(rng, 2, 3000, 60))
	}
	data := mustSeal(t, mustGrow(t, sampleOptions, rows))
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := vfs.Map(vfs.OS, path)
	if err != nil {
		t.Fatal(err)
	}
	x := mustOpen(t, m.Bytes(), sampleOptions)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	views := []View{{Part: x}}
	for name, f := range map[string]func() error{
		"open":    func() error { _, err := Open(m.Bytes(), sampleOptions); return err },
		"verify":  func() error { return x.Verify(t.Context()) },
		"search":  func() error { _, err := Search(t.Context(), words(word(0)), views, SearchOptions{}); return err },
		"suggest": func() error { _, err := Suggest(t.Context(), "w1234", views, 3); return err },
		"remove":  func() error { return x.Remove(5) },
		"merge":   func() error { return Merge(new(bytes.Buffer), sampleOptions, Merging{Index: x}) },
		"bound":   func() error { _, err := UpperBound(words(word(1)), []Part{x}, SearchOptions{}); return err },
		"explain": func() error { _, err := Explain(t.Context(), words(word(1)), views, SearchOptions{}, 0, 3); return err },
	} {
		if err := f(); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is there again is read again.
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := mustSearch(t, words(word(0)), views, SearchOptions{K: 3}); len(got) != 3 {
		t.Errorf("%v", got)
	}
	if err := x.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(m)
}
