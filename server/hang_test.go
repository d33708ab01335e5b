package server_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/server"
)

// diskTimeout is short, but no call on a disk that works takes as long here.
const diskTimeout = 2 * time.Second

// hangingNode is a node on a disk that can be frozen. Once the disk answers again the folder
// must open.
func hangingNode(t *testing.T, cfg server.Config) (node *server.Server, disk *vfs.Hanging, fatal chan error) {
	t.Helper()
	disk, fatal = vfs.Hang(vfs.OS), make(chan error, 2)
	cfg.DataDir, cfg.Listen, cfg.DiskTimeout = t.TempDir(), "127.0.0.1:0", diskTimeout
	cfg.OnFatal = func(err error) { fatal <- err }
	cfg.UseFS(disk)
	node, err := server.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		disk.Thaw()
		mustReopen(t, cfg.DataDir)
	})
	return node, disk, fatal
}

// mustReopen opens a folder whose last node still gives up.
func mustReopen(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		again, err := server.Open(context.Background(), server.Config{DataDir: dir, Listen: "127.0.0.1:0"})
		if err == nil {
			checkWhole(t, connect(t, again.URL()))
			if err := again.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the folder does not open after the disk has thawed: %v", err)
		}
	}
}

// TestHungBlobStopsTheNode: the sync of received bytes hangs. The upload is never
// acknowledged, the node says what hangs and ends in time.
func TestHungBlobStopsTheNode(t *testing.T) {
	t.Parallel()
	node, disk, fatal := hangingNode(t, server.Config{})
	c := connectOnce(t, node.URL())
	mustCreate(t, c, "docs")
	upload(t, c, "docs", map[string]string{"before.txt": "a text that is whole"})
	disk.Freeze(func(op, name string) bool { return op == "sync" && strings.Contains(name, "blobs") })
	answer := make(chan error, 1)
	go func() {
		_, err := c.UploadDocuments(context.Background(), "docs", []client.File{client.FileBytes("hangs.txt", []byte("a text that hangs"))}, client.UploadOptions{})
		answer <- err
	}()
	start := time.Now()
	select {
	case err := <-fatal:
		if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "sync /") || !strings.Contains(err.Error(), "/blobs") {
			t.Errorf("fatal: %v", err)
		}
	case <-time.After(5 * diskTimeout):
		t.Fatal("the node goes on with a hung disk")
	}
	if took := time.Since(start); took < diskTimeout/2 {
		t.Errorf("given up after %v", took)
	}
	mustEnd(t, node)
	if err := <-answer; err == nil {
		t.Error("the upload was acknowledged")
	}
	if err := c.Health(t.Context()); err == nil {
		t.Error("the node still answers")
	}
}

// connectOnce is a client that tries everything once.
func connectOnce(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{BaseURL: url, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustEnd closes a node that must not wait for what hangs.
func mustEnd(t *testing.T, node *server.Server) {
	t.Helper()
	start := time.Now()
	if err := node.Close(); err != nil && !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("close took %v", took)
	}
}

// TestHungApplyStopsTheNode: a call that no watch sees hangs in Apply, as one of the
// catalogue's own would, and with it the disk. The node finds out by asking.
func TestHungApplyStopsTheNode(t *testing.T) {
	t.Parallel()
	var cfg server.Config
	held := make(chan chan struct{}, 1) // what the next Apply waits for
	cfg.HoldApply(func() {
		select {
		case release := <-held:
			<-release
		default:
		}
	})
	node, disk, fatal := hangingNode(t, cfg)
	c := connectOnce(t, node.URL())
	embedder := &v1.Embedder{Provider: "none", Dim: 2}
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "vectors", Embedder: embedder}); err != nil {
		t.Fatal(err)
	}
	// Apply that takes long on a disk that answers is no reason to stop.
	release := make(chan struct{})
	held <- release
	answer := make(chan error, 1)
	put := func() {
		_, err := c.PutVectors(context.Background(), "vectors", v1.Point{ID: "a", Vector: lode.Vector{1, 2}})
		answer <- err
	}
	go put()
	select {
	case err := <-fatal:
		t.Fatalf("stopped although the disk answers: %v", err)
	case <-time.After(3 * diskTimeout):
	}
	close(release)
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	release = make(chan struct{})
	held <- release
	disk.Freeze(nil)
	go put()
	select {
	case err := <-fatal:
		if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("fatal: %v", err)
		}
	case <-time.After(5 * diskTimeout):
		t.Fatal("the node goes on with a hung disk")
	}
	if err := <-answer; err == nil {
		t.Error("the write was acknowledged")
	}
	mustEnd(t, node)
	close(release)
}

// TestHungStart: a start on a disk that hangs gives up with the reason.
func TestHungStart(t *testing.T) {
	t.Parallel()
	for name, match := range map[string]func(op, name string) bool{
		"a call that is seen": func(op, name string) bool { return op == "sync" && !strings.Contains(name, "probe") },
		"everything":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := vfs.Hang(vfs.OS)
			disk.Freeze(match)
			cfg := server.Config{DataDir: filepath.Join(t.TempDir(), "new"), Listen: "127.0.0.1:0", DiskTimeout: diskTimeout}
			cfg.UseFS(disk)
			t.Cleanup(func() {
				disk.Thaw()
				mustReopen(t, cfg.DataDir)
			})
			start := time.Now()
			_, err := server.Open(t.Context(), cfg)
			if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "the disk does not answer") || !strings.Contains(err.Error(), filepath.Dir(cfg.DataDir)) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 2*diskTimeout+5*time.Second {
				t.Errorf("gave up after %v", took)
			}
		})
	}
}
