package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/server"
	"github.com/lodedb/lode/storage"
)

// stateOf is the state hash of a closed folder.
func stateOf(t *testing.T, dir string) lode.Hash {
	t.Helper()
	s, err := storage.Open(dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// grownFolder is the folder of a node that was filled, perhaps sealed, which takes a
// snapshot, filled on, backed up and closed.
func grownFolder(t *testing.T, sealed bool) (data, repository string) {
	t.Helper()
	data, repository = t.TempDir(), filepath.Join(t.TempDir(), "repository")
	node, err := server.Open(t.Context(), server.Config{DataDir: data, Listen: "127.0.0.1:0", Backup: server.BackupConfig{To: repository}})
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t, node.URL()}
	s.run(exitOK, "", "ingest", "../../samples/documents", "-c", "ferries")
	if sealed {
		if id, err := node.Seal(t.Context(), lode.AllSeeing("operator"), "ferries"); err != nil || id == 0 {
			t.Fatal(id, err)
		}
	}
	s.run(exitOK, "", "ingest", "../../samples/documents", "-c", "later")
	s.run(exitOK, "Night sailings are announced on the pier.", "ingest", "-", "-c", "ferries", "--id", "night")
	s.run(exitOK, "", "backup", "create")
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	return data, repository
}

// TestRepairCatalogue is the way of an operator whose catalogue is lost: the check says so,
// the repair takes it from the log, the node starts and has everything that it had.
func TestRepairCatalogue(t *testing.T) {
	for name, sealed := range map[string]bool{"from a snapshot": true, "from the whole log": false} {
		t.Run(name, func(t *testing.T) {
			data, _ := grownFolder(t, sealed)
			want := stateOf(t, data)
			path := filepath.Join(data, "catalog.db")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 8192; i < len(content); i++ {
				content[i] ^= 0x55
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if node, err := server.Open(t.Context(), server.Config{DataDir: data, Listen: "127.0.0.1:0"}); err == nil {
				t.Error("a node starts on the damaged folder", node.Close())
			}
			command(t, exitPartial, "check", "--data", data)
			if plan, _ := command(t, exitPartial, "repair", "--data", data, "--dry-run"); !strings.Contains(plan, "would repair catalog.db") {
				t.Error(plan)
			}
			command(t, exitPartial, "check", "--data", data)
			done, _ := command(t, exitOK, "repair", "--data", data)
			if !strings.Contains(done, "repaired catalog.db") || !strings.Contains(done, "the next start applies the log") {
				t.Error(done)
			}
			if again, _ := command(t, exitOK, "repair", "--data", data); !strings.Contains(again, "nothing to repair") {
				t.Error(again)
			}
			node, err := server.Open(t.Context(), server.Config{DataDir: data, Listen: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			s := &shell{t, node.URL()}
			s.run(exitOK, "", "check")
			if found, _ := s.run(exitOK, "", "search", "night sailings", "-c", "ferries", "-k", "1"); !strings.Contains(found, "night") {
				t.Error(found)
			}
			if _, refused := command(t, exitFailure, "repair", "--data", data); !strings.Contains(refused, "in use") {
				t.Error(refused)
			}
			if err := node.Close(); err != nil {
				t.Fatal(err)
			}
			if stateOf(t, data) != want {
				t.Error("the state has another hash than before the damage")
			}
			command(t, exitOK, "check", "--data", data)
		})
	}
}

// TestRepairFromBackup loses a sealed segment and every blob of a shard.
func TestRepairFromBackup(t *testing.T) {
	data, repository := grownFolder(t, true)
	want := stateOf(t, data)
	segments, _ := filepath.Glob(filepath.Join(data, "segments", "*.segment"))
	blobs, _ := filepath.Glob(filepath.Join(data, "blobs", "*", "*"))
	if len(segments) == 0 || len(blobs) == 0 {
		t.Fatal(segments, blobs)
	}
	if err := os.Truncate(segments[0], 100); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(blobs[0]); err != nil {
		t.Fatal(err)
	}
	command(t, exitPartial, "check", "--data", data)
	alone, _ := command(t, exitPartial, "repair", "--data", data, "--output", "json")
	var report repaired
	if err := json.Unmarshal([]byte(alone), &report); err != nil || report.OK || len(report.Left) != 2 || len(report.Repaired) != 0 {
		t.Errorf("%s: %v", alone, err)
	}
	command(t, exitPartial, "repair", "--data", data, "--from", repository, "--dry-run")
	done, _ := command(t, exitOK, "repair", "--data", data, "--from", repository)
	if strings.Count(done, "fetched from the backup") != 2 {
		t.Error(done)
	}
	command(t, exitOK, "check", "--data", data)
	if stateOf(t, data) != want {
		t.Error("the state has another hash than before the damage")
	}
	command(t, exitUsage, "repair", "--data", data, "--from", "s3://key:hunter2@bucket")
	command(t, exitUsage, "repair")
	command(t, exitFailure, "repair", "--data", t.TempDir())
}
