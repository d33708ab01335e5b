package backup_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage/backup"
)

// TestOpenObject reads content of a backup by its hash; damage never comes out as content.
func TestOpenObject(t *testing.T) {
	n := newNode(t, "cluster")
	content := []byte("content of a blob")
	h := n.put("a", content)
	dir := t.TempDir()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{})
	create(t, r, n, backup.CreateOptions{})
	read := func(h lode.Hash) ([]byte, error) {
		o, err := r.OpenObject(t.Context(), h)
		if err != nil {
			return nil, err
		}
		defer o.Close()
		return io.ReadAll(o)
	}
	if got, err := read(h); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
	_, err := read(lode.HashOf([]byte("stranger")))
	wantCode(t, err, lode.CodeNotFound)
	path := filepath.Join(dir, "objects", h.String()[:2], h.String())
	object, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range object {
		spoiled := bytes.Clone(object)
		spoiled[i] ^= 1
		if err := os.WriteFile(path, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := read(h); err == nil && !bytes.Equal(got, content) {
			t.Errorf("byte %d: %q", i, got)
		} else if err == nil {
			t.Logf("byte %d does not matter", i)
		}
	}
}
