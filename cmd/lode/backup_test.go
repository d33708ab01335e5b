package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

// command runs one command line.
func command(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs}); got != want {
		t.Errorf("lode %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, &out, &errs)
	}
	return out.String(), errs.String()
}

// TestBackup is the way of an operator: back up, look, lose the machine, restore, serve.
func TestBackup(t *testing.T) {
	data, repository := t.TempDir(), filepath.Join(t.TempDir(), "repository")
	node, err := server.Open(t.Context(), server.Config{DataDir: data, Listen: "127.0.0.1:0", Backup: server.BackupConfig{To: repository}})
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t, node.URL()}
	s.run(exitOK, "", "ingest", "../../samples/documents", "-c", "ferries")
	made, _ := s.run(exitOK, "", "backup", "create")
	if !strings.HasPrefix(made, "made backup ") {
		t.Error(made)
	}
	if _, refused := command(t, exitFailure, "backup", "create", "--data", data, "--to", repository); !strings.Contains(refused, "in use") {
		t.Error(refused)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	second, _ := command(t, exitOK, "backup", "create", "--data", data, "--to", repository, "--output", "json")
	var b v1.Backup
	if err := json.Unmarshal([]byte(second), &b); err != nil || b.Uploaded > 1 { // a meta page may have changed
		t.Errorf("%s: %v", second, err)
	}
	list, _ := command(t, exitOK, "backup", "list", "--from", repository)
	if strings.Count(list, "\n") != 3 || !strings.Contains(list, b.ID) {
		t.Error(list)
	}
	if whole, _ := command(t, exitOK, "backup", "verify", "--from", repository); !strings.Contains(whole, b.ID+" is whole") {
		t.Error(whole)
	}
	if _, refused := command(t, exitFailure, "backup", "restore", "--from", repository, "--data", data); !strings.Contains(refused, "empty") {
		t.Error(refused)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if restored, _ := command(t, exitOK, "backup", "restore", b.ID, "--from", repository, "--data", fresh); !strings.Contains(restored, "lode serve --data "+fresh) {
		t.Error(restored)
	}
	again, err := server.Open(t.Context(), server.Config{DataDir: fresh, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	s = &shell{t, again.URL()}
	if found, _ := s.run(exitOK, "", "search", "when do sailings stop because of wind?", "-c", "ferries", "-k", "1"); !strings.Contains(found, "crew-handbook.md") {
		t.Error(found)
	}
	s.run(exitOK, "", "check")
	s.run(exitFailure, "", "backup", "create") // it has no repository
}

// TestBackupRefuses covers settings that cannot work.
func TestBackupRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nothing")
	command(t, exitFailure, "backup", "create", "--data", missing, "--to", t.TempDir())
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("a folder was made: %v", err)
	}
	command(t, exitUsage, "backup", "create", "--data", t.TempDir())
	command(t, exitUsage, "backup", "verify")
	command(t, exitFailure, "backup", "verify", "--from", t.TempDir())
	command(t, exitFailure, "backup", "verify", "20260101T000000.000Z-0123456789abcdef", "--from", t.TempDir())
	if _, errs := command(t, exitUsage, "backup", "list", "--from", "s3://key:hunter2@bucket"); strings.Contains(errs, "hunter2") {
		t.Error(errs)
	}
	command(t, exitUsage, "backup", "list", "--from", "s3://bucket", "--backup-keys", missing)
	command(t, exitUsage, "serve", "--check-config", "--backup-every", "24h")
}

// TestBackupCredentials reads keys from a file or the environment, and prints neither.
func TestBackupCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	content := "# bucket\n[default]\naws_access_key_id = AK\naws_secret_access_key=hunter2=\n[other]\naws_access_key_id = no\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := backupCredentials(path)
	if err != nil || keys.AccessKey != "AK" || keys.SecretKey != "hunter2=" || keys.SessionToken != "" {
		t.Errorf("%+v, %v", keys, err)
	}
	shown, _ := command(t, exitOK, "serve", "--check-config", "--data", t.TempDir(), "--backup-to", "s3://bucket/x", "--backup-keys", path)
	if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "backup_keys_set") {
		t.Error(shown)
	}
	if err := os.WriteFile(path, []byte("aws_access_key_id = AK\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backupCredentials(path); err == nil {
		t.Error("half of the keys is enough")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "E")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "S")
	t.Setenv("AWS_SESSION_TOKEN", "T")
	if keys, err := backupCredentials(""); err != nil || keys.AccessKey != "E" || keys.SecretKey != "S" || keys.SessionToken != "T" {
		t.Errorf("%+v, %v", keys, err)
	}
}
