package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

// TestBackup backs a node up under writes, restores it, and lives on with what was restored:
// the same answers, the same state hash, new writes, kills and a backup of its own.
func TestBackup(t *testing.T) {
	repository := filepath.Join(t.TempDir(), "repository")
	node, c := open(t, server.Config{Backup: server.BackupConfig{To: repository}, Version: "v1"})
	mustCreate(t, c, "docs")
	upload(t, c, "docs", samples(t))
	quiet, err := c.CreateBackup(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	whenQuiet, err := node.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	asked := "reservation for a bicycle in July"
	answer := retrieve(t, c, "docs", asked)

	ctx, stop := context.WithCancel(t.Context())
	acknowledged := 0
	var writer sync.WaitGroup
	writer.Add(1)
	started := make(chan struct{})
	go func() {
		defer writer.Done()
		for ; ctx.Err() == nil; acknowledged++ {
			if acknowledged == 3 {
				close(started)
			}
			upload(t, c, "docs", map[string]string{fmt.Sprintf("note-%d.txt", acknowledged): fmt.Sprintf("Note %d about lighthouses.", acknowledged)})
		}
	}()
	<-started
	busy, err := c.CreateBackup(t.Context(), false)
	stop()
	writer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if busy.Index <= quiet.Index || busy.UploadedBytes >= busy.Bytes || busy.Version != "v1" || busy.NodeID == "" {
		t.Errorf("second backup %+v after %+v", busy, quiet)
	}
	list, err := c.ListBackups(t.Context())
	if err != nil || len(list.Backups) != 2 || list.Backups[0].ID != busy.ID {
		t.Errorf("%+v, %v", list, err)
	}

	dir := restore(t, repository, quiet.ID)
	if got := folderHash(t, dir); got != whenQuiet {
		t.Errorf("restored state has hash %s, the node had %s", got, whenQuiet)
	}
	lives(t, dir, func(again *client.Client) {
		if diff := cmp.Diff(answer.Hits, retrieve(t, again, "docs", asked).Hits); diff != "" {
			t.Error(diff)
		}
	})
	dir = restore(t, repository, busy.ID)
	lives(t, dir, func(again *client.Client) {
		settle(t, again) // documents that were waiting at the backup's entry are processed now
		for i := range 3 {
			if _, err := again.GetDocument(t.Context(), "docs", lode.DocID(fmt.Sprintf("note-%d.txt", i))); err != nil {
				t.Errorf("a document from before the backup: %v", err)
			}
		}
	})
	// A node that was restored goes on in the same repository.
	restored, again := open(t, server.Config{DataDir: dir, Backup: server.BackupConfig{To: repository, Keep: 2}})
	if _, err := again.CreateBackup(t.Context(), false); err != nil {
		t.Error(err)
	}
	if list, err := again.ListBackups(t.Context()); err != nil || len(list.Backups) != 2 || list.Backups[1].ID != busy.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if err := restored.Close(); err != nil {
		t.Error(err)
	}
}

func restore(t *testing.T, location, id string) (dir string) {
	t.Helper()
	target, err := backup.Locate(location, backup.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := backup.New(target, backup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(t.Context(), id); err != nil {
		t.Error(err)
	}
	dir = filepath.Join(t.TempDir(), "restored")
	if _, err := r.Restore(t.Context(), id, dir, backup.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// folderHash opens a folder that no node serves.
func folderHash(t *testing.T, dir string) lode.Hash {
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

// lives starts a node on a restored folder, writes, kills it, and finds everything again.
func lives(t *testing.T, dir string, look func(*client.Client)) {
	t.Helper()
	written := map[string]string{}
	for round := range 3 {
		node := startProcess(t, dir)
		c := connect(t, node.url)
		if round == 0 { // new documents change scores
			look(c)
		}
		for id := range written {
			if _, err := c.GetDocument(t.Context(), "docs", lode.DocID(id)); err != nil {
				t.Errorf("round %d: %s: %v", round, id, err)
			}
		}
		id := fmt.Sprintf("after-%d.txt", round)
		written[id] = fmt.Sprintf("Zymurgy number %d.", round)
		upload(t, c, "docs", map[string]string{id: written[id]})
		if hits := retrieve(t, c, "docs", "zymurgy", lexical).Hits; len(hits) != len(written) {
			t.Errorf("round %d: %d of %d new documents are found", round, len(hits), len(written))
		}
		if err := c.DeleteDocument(t.Context(), "docs", lode.DocID(id)); err != nil {
			t.Error(err)
		}
		upload(t, c, "docs", map[string]string{id: written[id]})
		checkWhole(t, c)
		if round == 0 {
			checkRole(t, c)
		}
		node.kill()
	}
	err := storage.CheckDir(t.Context(), dir, func(b storage.Breach) {
		if !b.Benign {
			t.Errorf("offline: %s", b)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func lexical(r *v1.Retrieve) { r.Mode = lode.ModeLexical }

func checkRole(t *testing.T, c *client.Client) {
	t.Helper()
	if info, err := c.GetNode(t.Context()); err != nil || info.Role != "leader" {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestScheduledBackup makes backups by the clock, keeps some, and says so in its metrics.
func TestScheduledBackup(t *testing.T) {
	repository := filepath.Join(t.TempDir(), "repository")
	_, c := open(t, server.Config{Backup: server.BackupConfig{To: repository, Every: time.Second, Keep: 2}})
	mustCreate(t, c, "docs")
	var list *v1.BackupList
	seen := map[string]bool{}
	for deadline := time.Now().Add(20 * time.Second); len(seen) < 3 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		if list, err = c.ListBackups(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, b := range list.Backups {
			seen[b.ID] = true
		}
	}
	if len(seen) < 3 || len(list.Backups) > 3 { // the third may be there before the first is gone
		t.Errorf("%d backups were seen, %d are there", len(seen), len(list.Backups))
	}
	figures := metrics(t, c.BaseURL())
	if made := figures["lode_backups_total{end=\"made\"}"]; made < 2 {
		t.Errorf("%v backups were counted", made)
	}
	if at := figures["lode_backup_last_success_timestamp_seconds"]; time.Since(time.Unix(int64(at), 0)) > time.Minute {
		t.Errorf("last success at %v", at)
	}
}

var figure = regexp.MustCompile(`(?m)^(lode_\S*) (\S+)$`)

func metrics(t *testing.T, url string) map[string]float64 {
	t.Helper()
	answer, err := http.Get(url + v1.PathMetrics)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for _, m := range figure.FindAllStringSubmatch(string(text), -1) {
		figures[m[1]], _ = strconv.ParseFloat(m[2], 64)
	}
	return figures
}

// TestBackupSettings refuses what cannot work, without secrets in the message.
func TestBackupSettings(t *testing.T) {
	dir := t.TempDir()
	for name, cfg := range map[string]server.BackupConfig{
		"inside the data folder": {To: filepath.Join(dir, "backups")},
		"the data folder":        {To: dir},
		"no location":            {Every: time.Hour},
		"too often":              {To: t.TempDir(), Every: time.Millisecond},
		"keep nothing":           {To: t.TempDir(), Keep: -1},
		"secrets in the URL":     {To: "s3://key:hunter2@bucket/lode"},
	} {
		_, err := server.Open(t.Context(), server.Config{DataDir: dir, Listen: "127.0.0.1:0", Backup: cfg})
		if !lode.IsCode(err, lode.CodeInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, c := open(t, server.Config{})
	if _, err := c.CreateBackup(t.Context(), false); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("without a repository: %v", err)
	}
}
