package server_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode/server"
)

// TestDeathWhileLoading: a node that died twice while it loaded says so at the third start,
// with what to do, and forgets it once it has loaded.
func TestDeathWhileLoading(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "LOADING")
	start := func() (log string) {
		t.Helper()
		var b bytes.Buffer
		node, err := server.Open(t.Context(), server.Config{DataDir: dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(&b, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := node.Close(); err != nil {
			t.Error(err)
		}
		return b.String()
	}
	const says = "ended while they loaded"
	for _, left := range []struct {
		note string
		loud bool
	}{{"", false}, {"attempts 1\n", false}, {"attempts 2\n", true}, {"attempts 3\n", true}, {"att", false}} {
		if left.note != "" {
			if err := os.WriteFile(note, []byte(left.note), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		log := start()
		if loud := strings.Contains(log, says); loud != left.loud || loud && !strings.Contains(log, "more memory") {
			t.Errorf("after %q: %s", left.note, log)
		}
		if _, err := os.Stat(note); err == nil {
			t.Errorf("after %q: the note stays after a start that went well", left.note)
		}
	}
}

// TestNoteOfLoading: the note counts while the data is loaded.
func TestNoteOfLoading(t *testing.T) {
	dir := t.TempDir()
	var seen string
	var cfg server.Config
	cfg.DataDir, cfg.Listen = dir, "127.0.0.1:0"
	cfg.HoldApply(func() { // the first entries are applied while the log opens
		if b, err := os.ReadFile(filepath.Join(dir, "LOADING")); err == nil {
			seen = string(b)
		}
	})
	node, err := server.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Error(err)
	}
	if seen != "attempts 1\n" {
		t.Errorf("the note was %q", seen)
	}
}
