package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/server"
)

// TestValve: what is at its limit does not change its mind with every write.
func TestValve(t *testing.T) {
	const least, margin = 1000, 50
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	flips := func(margin int64) (n int) {
		var v server.Valve
		was := false
		for range 10_000 {
			left := least - 20 + random.Int64N(40) // it comes and goes around the limit
			if now := v.Set(left, least, margin); now != was {
				was = now
				n++
			}
		}
		return n
	}
	if n := flips(margin); n > 1 {
		t.Errorf("seed %d: %d changes", seed, n)
	}
	if n := flips(0); n < 1000 { // the negative control
		t.Errorf("seed %d: without a margin only %d changes", seed, n)
	}
	var v server.Valve
	for _, step := range []struct {
		left   int64
		closed bool
	}{{1000, false}, {999, true}, {1049, true}, {1050, false}, {1000, false}, {0, true}} {
		if v.Set(step.left, least, margin) != step.closed {
			t.Errorf("%d left: closed is %v", step.left, !step.closed)
		}
	}
}

// scarce is a disk whose free space the test decides.
type scarce struct{ free, total atomic.Int64 }

func newScarce(total int64) *scarce {
	s := &scarce{}
	s.total.Store(total)
	s.free.Store(total)
	return s
}

func (s *scarce) space(string) (vfs.Space, error) {
	return vfs.Space{Free: s.free.Load(), Total: s.total.Load()}, nil
}

func (s *scarce) allocate(name string, size int64) error {
	if size > s.free.Load() {
		return syscall.ENOSPC
	}
	return vfs.Allocate(name, size)
}

// scarceNode is a node on such a disk with a document, a vector and a collection to delete.
func scarceNode(t *testing.T, cfg server.Config) (node *server.Server, c *client.Client, disk *scarce) {
	t.Helper()
	disk = newScarce(1 << 30)
	cfg.UseSpace(disk.space, disk.allocate)
	node, c = open(t, cfg)
	mustCreate(t, c, "docs")
	mustCreate(t, c, "old")
	upload(t, c, "docs", map[string]string{"a.txt": "the tide turns at noon", "b.txt": "gulls follow the plough"})
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "raw", Embedder: &v1.Embedder{Provider: "none", Dim: 2}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutVectors(t.Context(), "raw", v1.Point{ID: "p", Vector: lode.Vector{1, 2}}); err != nil {
		t.Fatal(err)
	}
	return node, c, disk
}

// growing are the writes that make data grow.
func growing(c *client.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"upload": func(ctx context.Context) error {
			r, err := c.UploadDocuments(ctx, "docs", []client.File{client.FileBytes("new.txt", fmt.Appendf(nil, "%d", rand.Uint64()))}, client.UploadOptions{})
			if err == nil && r.Items[0].Error != nil {
				return r.Items[0].Error.Err()
			}
			return err
		},
		"put vectors": func(ctx context.Context) error {
			r, err := c.PutVectors(ctx, "raw", v1.Point{ID: "new", Vector: lode.Vector{rand.Float32(), 2}})
			if err == nil && r.Items[0].Error != nil {
				return r.Items[0].Error.Err()
			}
			return err
		},
		"create collection": func(ctx context.Context) error {
			_, err := c.CreateCollection(ctx, v1.CreateCollection{Name: fmt.Sprint("new-", rand.Uint32())})
			return err
		},
	}
}

// mustRefuse demands that writes are refused for a reason while everything else goes on.
func mustRefuse(t *testing.T, c *client.Client, reason string) {
	t.Helper()
	for name, write := range growing(c) {
		var coded *lode.Error
		if err := write(t.Context()); !errors.As(err, &coded) || coded.Code != lode.CodeNoStorage || coded.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "tide"}); err != nil {
		t.Errorf("search: %v", err)
	}
	if err := c.DeleteDocument(t.Context(), "docs", "b.txt"); err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("delete document: %v", err)
	}
	if err := c.DeleteVector(t.Context(), "raw", "p"); err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("delete vector: %v", err)
	}
	if err := c.DeleteCollection(t.Context(), "old"); err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("delete collection: %v", err)
	}
	ready, err := c.Ready(t.Context())
	if err != nil || !ready.Ready || len(ready.Restrictions) != 1 || ready.Restrictions[0].Name != reason {
		t.Errorf("ready: %+v, %v", ready, err)
	}
	u, err := c.NodeUsage(t.Context())
	if err != nil || u.Writes.Accepted || len(u.Writes.Reasons) != 1 || u.Writes.Reasons[0].Name != reason {
		t.Errorf("usage: %+v, %v", u, err)
	}
}

// mustAccept demands that every write is taken again in time.
func mustAccept(t *testing.T, c *client.Client) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for name, write := range growing(c) {
		for err := write(t.Context()); err != nil; err = write(t.Context()) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is refused 10s after there is room again: %v", name, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	if ready, err := c.Ready(t.Context()); err != nil || !ready.Ready || len(ready.Restrictions) != 0 {
		t.Errorf("ready: %+v, %v", ready, err)
	}
}

// TestScarceDisk: writes end at the reserve, and begin again behind the margin.
func TestScarceDisk(t *testing.T) {
	_, c, disk := scarceNode(t, server.Config{})
	reserve := server.DiskReserve(disk.total.Load())
	u, err := c.NodeUsage(t.Context())
	if err != nil || !u.Writes.Accepted || u.Disk.Reserve != reserve || u.Disk.Parts.Reserve == 0 {
		t.Fatalf("usage %+v, %v", u, err)
	}
	held := u.Disk.Parts.Reserve
	disk.free.Store(reserve - held - 1)
	mustRefuse(t, c, "disk")
	disk.free.Store(reserve - held + reserve/2) // some is free, less than the margin
	mustRefuse(t, c, "disk")
	disk.free.Store(4 * reserve)
	mustAccept(t, c)
}

// TestReserve: the file that holds the reserve is given up when the disk is full, and comes
// back.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	_, c, disk := scarceNode(t, server.Config{DataDir: dir})
	held := func() bool { _, err := os.Stat(filepath.Join(dir, "RESERVE")); return err == nil }
	wait := func(want bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); held() != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the reserve is held: %v", !want)
			}
		}
	}
	wait(true)
	disk.free.Store(0)
	wait(false)
	mustRefuse(t, c, "disk")
	disk.free.Store(1 << 30)
	wait(true)
	mustAccept(t, c)
}

// startFull starts the node of [scarceNode] again when nothing of its disk is said to be free.
func startFull(t *testing.T, disk *scarce, allocate func(string, int64) error) (dir string, c *client.Client) {
	t.Helper()
	dir = t.TempDir()
	node, _, _ := scarceNode(t, server.Config{DataDir: dir})
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	disk.free.Store(0)
	cfg := server.Config{DataDir: dir}
	cfg.UseSpace(disk.space, allocate)
	_, c = open(t, cfg)
	return dir, c
}

// TestStartOnFullDisk: a node whose disk is full when it starts serves what it has, opens its
// log once there is room, and then takes writes.
func TestStartOnFullDisk(t *testing.T) {
	disk := newScarce(1 << 30)
	_, c := startFull(t, disk, disk.allocate)
	got, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "tide"})
	if err != nil || len(got.Hits) == 0 {
		t.Errorf("search: %+v, %v", got, err)
	}
	ready, err := c.Ready(t.Context())
	if err != nil || ready.Ready || len(ready.Reasons) != 1 || ready.Reasons[0].Name != "disk" {
		t.Errorf("ready: %+v, %v", ready, err)
	}
	once := connectOnce(t, c.BaseURL())
	for name, write := range growing(once) {
		if err := write(t.Context()); !lode.IsCode(err, lode.CodeNoStorage) && !lode.IsCode(err, lode.CodeUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	u, err := c.NodeUsage(t.Context())
	if err != nil || u.Writes.Accepted || !strings.Contains(u.Writes.Reasons[0].Detail, "waits for room") {
		t.Errorf("usage: %+v, %v", u, err)
	}
	disk.free.Store(1 << 30)
	mustAccept(t, once)
}

// TestStartOnWhatIsKept: what a file system keeps for root counts as taken, and is room enough
// to open the log all the same.
func TestStartOnWhatIsKept(t *testing.T) {
	dir, c := startFull(t, newScarce(1<<30), vfs.Allocate)
	if ready, err := c.Ready(t.Context()); err != nil || !ready.Ready {
		t.Errorf("ready: %+v, %v", ready, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "RESERVE.start")); !os.IsNotExist(err) {
		t.Errorf("the reserve of the start is still there: %v", err)
	}
	mustRefuse(t, c, "disk")
}

// TestDiskLimit: the data folder may not grow beyond its own limit, and what deleting frees
// counts.
func TestDiskLimit(t *testing.T) {
	_, c := open(t, server.Config{DiskLimitBytes: 64 << 20})
	mustCreate(t, c, "docs")
	noise := func(i int) []byte {
		random := rand.NewChaCha8([32]byte{byte(i)})
		b := make([]byte, 0, 4<<20)
		for len(b) < 3<<20 { // words that the parser takes for text
			b = fmt.Appendf(b, "%x ", random.Uint64())
		}
		return b
	}
	// What is written counts at once and generously; the folder is measured now and then. So
	// a first refusal may be taken back.
	const limit = 64 << 20
	var ids []lode.DocID
	var u *v1.NodeUsage
	for i := 0; u == nil || u.Writes.Accepted; i++ {
		if i == 200 {
			t.Fatalf("%d documents are taken: %+v", len(ids), u)
		}
		id := lode.DocID(fmt.Sprint(i, ".txt"))
		_, err := c.UploadDocuments(t.Context(), "docs", []client.File{client.FileBytes(id, noise(i))}, client.UploadOptions{NoWait: true})
		switch {
		case err == nil:
			ids = append(ids, id)
		case !lode.IsCode(err, lode.CodeNoStorage) || !strings.Contains(err.Error(), "limit"):
			t.Fatalf("after %d documents: %v", len(ids), err)
		default:
			time.Sleep(100 * time.Millisecond)
		}
		if u, err = c.NodeUsage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if u.Writes.Reasons[0].Name != "disk_limit" || u.Disk.Limit != limit || u.Disk.Used > limit+limit/8 {
		t.Errorf("usage %+v", u)
	}
	t.Logf("%d documents, %d bytes of disk: %+v", len(ids), u.Disk.Used, u.Disk.Parts)
	if _, err := c.DeleteDocuments(t.Context(), "docs", ids...); err != nil {
		t.Fatal(err)
	}
	mustCreateSoon := time.Now().Add(10 * time.Second)
	for {
		_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "later"})
		if err == nil {
			return
		}
		if time.Now().After(mustCreateSoon) {
			t.Fatalf("refused 10s after everything was deleted: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestUsageReport: the sum of the parts is what the file system says.
func TestUsageReport(t *testing.T) {
	dir := t.TempDir()
	_, c, _ := scarceNode(t, server.Config{DataDir: dir, MemoryBytes: 1 << 30, FlushInterval: 20 * time.Millisecond})
	time.Sleep(1100 * time.Millisecond) // for the walk of an earlier question to be too old
	u, err := c.NodeUsage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := u.Disk.Parts
	if sum := p.Catalogue + p.Segments + p.Blobs + p.Log + p.Snapshots + p.Reserve + p.Other; sum != u.Disk.Used {
		t.Errorf("parts are %d, used is %d", sum, u.Disk.Used)
	}
	var walked int64
	files := 0
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if !d.IsDir() {
			files++
		}
		walked += vfs.Allocated(info)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if off := walked - u.Disk.Used; off > 4096 || off < -4096 || files != u.Disk.Files {
		t.Errorf("the folder takes %d bytes in %d files, the report says %d in %d", walked, files, u.Disk.Used, u.Disk.Files)
	}
	for name, value := range map[string]int64{"catalogue": p.Catalogue, "blobs": p.Blobs, "log": p.Log, "indexes": u.Memory.Indexes,
		"data": u.Memory.Data, "heap": u.Memory.Heap, "goroutines": int64(u.Goroutines),
		"log calls": int64(u.Disk.Log.Calls), "log p50": u.Disk.Log.P50, "commits": int64(u.Disk.Catalogue.Calls), "syncs": int64(u.Disk.FileSyncs.Calls)} {
		if value <= 0 {
			t.Errorf("%s is %d", name, value)
		}
	}
	if u.Disk.Log.P99 < u.Disk.Log.P50 || u.Disk.CallLimit != int64(10*time.Second) {
		t.Errorf("disk %+v", u.Disk)
	}
	if u.Memory.Limit != 1<<30 || u.Memory.DataLimit <= 0 || u.Memory.DataLimit >= u.Memory.Limit || u.Requests.BodyLimit >= u.Memory.Limit/4 {
		t.Errorf("limits of memory %+v, %+v", u.Memory, u.Requests)
	}
	names := []string{}
	for _, c := range u.Memory.Collections {
		names = append(names, c.Name)
	}
	if fmt.Sprint(names) != "[docs old raw]" || u.Memory.Collections[0].Rows != 2 || u.Memory.Collections[0].Lexical == 0 || u.Memory.Collections[2].Dense == 0 {
		t.Errorf("collections %+v", u.Memory.Collections)
	}
}
