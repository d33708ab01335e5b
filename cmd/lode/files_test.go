package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/server"
)

func TestMatchesAny(t *testing.T) {
	f := func(pattern, id string, want bool) {
		t.Helper()
		if got := matchesAny([]string{"none", pattern}, id); got != want {
			t.Errorf("%s on %s: %v", pattern, id, got)
		}
	}
	f("*.md", "docs/a.md", true)
	f("*.md", "docs/a.md/b.txt", false)
	f("a.md", "docs/a.md", true)
	f("drafts/*", "docs/drafts/a.md", true)
	f("./drafts/", "docs/drafts", true)
	f("drafts/*", "docs/drafts/x/a.md", false)
	f("drafts/**", "docs/drafts/x/a.md", true)
	f("docs/**/*.md", "docs/a.md", true)
	f("docs/**/*.md", "docs/x/y/a.md", true)
	f("docs/**/*.md", "other/a.md", false)
	f("raft", "docs/drafts/a.md", false)
}

// ingest runs the command with --output json.
func (s *shell) ingest(want int, args ...string) (got ingestSummary) {
	s.t.Helper()
	out, errs := s.run(want, "", append([]string{"ingest", "--output", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		s.t.Fatalf("%v\n%s%s", err, out, errs)
	}
	return got
}

// TestIngestFolders covers what folders hold beside documents: links, empty and large files.
func TestIngestFolders(t *testing.T) {
	s := newShell(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"docs/a.md": "alpha", "docs/sub/b.md": "beta", "docs/empty.md": "", "docs/large.md": strings.Repeat("x", 2000), "other/docs/a.md": "gamma"})
	for link, to := range map[string]string{"link": "docs", "docs/gone.md": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	docs, link := filepath.Join(dir, "docs"), filepath.Join(dir, "link")
	if got := s.ingest(exitOK, link, "--max-file", "1KiB"); got.Created != 2 || len(got.Skipped) != 2 || got.Skipped[0].ID != "link/empty.md" || got.Skipped[1].ID != "link/large.md" {
		t.Errorf("a linked folder: %+v", got)
	}
	if got := s.ingest(exitOK, docs, filepath.Join(docs, "sub"), docs, "--include", "sub/*"); got.Created != 2 {
		t.Errorf("a folder named twice: %+v", got)
	}
	if _, errs := s.run(exitUsage, "", "ingest", docs, filepath.Join(dir, "other/docs")); !strings.Contains(errs, "docs/a.md") {
		t.Errorf("two files with one id: %s", errs)
	}
	if got := s.ingest(exitPartial, filepath.Join(docs, "empty.md")); got.Failed[0].Message != "document is empty" {
		t.Errorf("an empty file by name: %+v", got)
	}
	if _, errs := s.run(exitFailure, "", "ingest", filepath.Join(docs, "large.md"), "--max-file", "1KiB"); !strings.Contains(errs, "--max-file") {
		t.Error(errs)
	}
	if _, errs := s.run(exitOK, "", "ingest", docs, "--include", "*.pdf"); !strings.Contains(errs, "no file") {
		t.Error(errs)
	}
}

// TestUnreadable names what cannot be read as that, not as a bug of ours.
func TestUnreadable(t *testing.T) {
	f := new(ingestCommand).file(filepath.Join(t.TempDir(), "gone.md"), "docs/gone.md", 0)
	if _, err := f.read(); !lode.IsCode(err, lode.CodeInvalid) || strings.Contains(err.Error(), "gone.md") {
		t.Errorf("%v", err)
	}
	s := &shell{t, "http://127.0.0.1:1"}
	if _, errs := s.run(exitUsage, "", "ingest", "nowhere"); !strings.Contains(errs, `no such file or directory (field "path", value "nowhere")`) {
		t.Error(errs)
	}
}

// TestIngestKeepsWhatIsKnown sends an unchanged file no more often alone than in its
// folder, so that metadata and readers stay.
func TestIngestKeepsWhatIsKnown(t *testing.T) {
	s := newShell(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": "alpha"})
	file := filepath.Join(dir, "a.md")
	s.ingest(exitOK, file, "-m", "note=a;b", "-m", "sum=x=y", "-m", "tags=[1,true]", "--reader", "crew")
	if got := s.ingest(exitOK, file); got.Unchanged != 1 || got.Bytes != 0 {
		t.Errorf("%+v", got)
	}
	out, _ := s.run(exitOK, "", "search", "alpha", "--filter", `{"and":[{"field":"note","eq":"a;b"},{"field":"sum","eq":"x=y"},{"field":"tags","eq":1}]}`)
	if !strings.Contains(out, "a.md") {
		t.Error(out)
	}
}

// TestIngestSmallNode sends fewer files in one request when the node takes no more.
func TestIngestSmallNode(t *testing.T) {
	node, err := server.Open(t.Context(), server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", MaxBodyBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	s := &shell{t, node.URL()}
	dir := filepath.Join(t.TempDir(), "docs")
	text := strings.Repeat("tide ", 1000)
	write(t, dir, map[string]string{"a.md": "a " + text, "b.md": "b " + text, "c.md": "c " + text, "d.md": "d " + text, "large.md": text + text + text + text})
	got := s.ingest(exitPartial, dir)
	if got.Created != 4 || len(got.Failed) != 1 || got.Failed[0].ID != "docs/large.md" || got.Failed[0].Code != lode.CodeTooLarge {
		t.Errorf("%+v", got)
	}
}
