package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
	"github.com/lodedb/lode/storage/storagetest"
)

// meddler calls a function at the first look at a blob that an export takes, which is
// between its moment and the copies of the growing segments.
type meddler struct {
	vfs.FS
	blob lode.Hash
	once sync.Once
	do   func()
}

func (m *meddler) Stat(path string) (fs.FileInfo, error) {
	if m.do != nil && strings.HasSuffix(path, m.blob.String()) {
		m.once.Do(m.do)
	}
	return m.FS.Stat(path)
}

// TestAnotherHistory restores a backup during which the node went on, and goes on from it
// differently: nothing of the first history may come up in the second.
func TestAnotherHistory(t *testing.T) {
	dir := t.TempDir()
	disk := &meddler{FS: vfs.OS}
	n := &node{TB: t, Store: storagetest.OpenDir(t, dir, storage.Options{FS: disk}), dir: dir}
	n.begin("c1")
	n.show("first", words(1, 100))
	disk.blob = n.put("waiting", []byte("x"))
	want := n.hash()
	disk.do = func() {
		for i := range 10 {
			n.show(fmt.Sprintf("one-%d", i), words(uint64(100+i), 100))
		}
	}
	r := repository(t, backup.NewFolder(filepath.Join(t.TempDir(), "r"), nil), backup.Options{})
	b := create(t, r, n, backup.CreateOptions{})
	if b.Index == n.Applied().Index {
		t.Fatal("nothing happened during the backup")
	}
	verify(t, r, b.ID)
	got, _ := restore(t, r, b.ID)
	if got.hash() != want {
		t.Error("what was restored is not the moment of the backup")
	}
	for range 40 {
		got.update(func(*storage.Tx) error { return nil }) // its entries have other numbers
	}
	for i := range 10 {
		got.show(fmt.Sprintf("two-%d", i), words(uint64(200+i), 80))
	}
}

// TestSealedDuringBackup seals a segment whose rows are in memory only between the moment of
// a backup, in which it grows, and its copy.
func TestSealedDuringBackup(t *testing.T) {
	dir := t.TempDir()
	disk := &meddler{FS: vfs.OS}
	n := &node{TB: t, Store: storagetest.OpenDir(t, dir, storage.Options{FS: disk}), dir: dir}
	n.begin("c1")
	disk.blob = n.put("waiting", []byte("x"))
	n.show("first", words(1, 100))
	disk.do = n.seal
	e, err := n.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got := storagetest.Open(t)
	err = got.RestoreCatalog(t.Context(), e.Catalog(), e.Info().At, func(_ context.Context, ref storage.SegmentRef) (io.ReadCloser, error) {
		for _, f := range e.Segments() {
			if f.ID == ref.ID {
				var b bytes.Buffer
				err := e.ReadSegment(f, func(r io.Reader) error {
					_, err := io.Copy(&b, r)
					return err
				})
				return io.NopCloser(&b), err
			}
		}
		return nil, lode.NotFound("segment", ref.ID)
	})
	if err != nil {
		t.Error(err)
	}
	for _, h := range e.Blobs() {
		err := e.ReadBlob(h.Hash, func(r io.Reader) error {
			content, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			_, release, err := got.Blobs().Put(t.Context(), content)
			if err == nil {
				release()
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
