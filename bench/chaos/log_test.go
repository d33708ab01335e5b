package chaos_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode/bench/chaos"
)

// TestLog: a run that was stopped is taken up behind its last whole line, by the same
// program only.
func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "log")
	l, err := chaos.OpenLog(path, "c1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := l.Append(&chaos.Outcome{Case: name, End: chaos.EndKilled}); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)-5], 0o644); err != nil {
		t.Fatal(err)
	}
	for commit, want := range map[string]int{"c1": 1, "c2": 0} {
		l, err := chaos.OpenLog(path, commit)
		if err != nil || len(l.All()) != want {
			t.Errorf("%s: %d outcomes, want %d: %v", commit, len(l.All()), want, err)
		}
	}
	if _, known := l.Outcome("b"); !known {
		t.Error("an outcome is missing")
	}
}
