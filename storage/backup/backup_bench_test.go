package backup_test

import (
	"path/filepath"
	"testing"

	"github.com/lodedb/lode/storage/backup"
)

// BenchmarkFolder makes, repeats, verifies and restores a backup of 256 blobs of 256 KiB in a
// folder on one disk with the node.
func BenchmarkFolder(b *testing.B) {
	const count, size = 256, 256 << 10
	n := newNode(b, "c1")
	n.fill(count, size)
	full := repository(b, backup.NewFolder(b.TempDir(), nil), backup.Options{})
	create(b, full, n, backup.CreateOptions{})
	b.Run("create", func(b *testing.B) {
		b.SetBytes(count * size)
		for b.Loop() {
			create(b, repository(b, backup.NewFolder(b.TempDir(), nil), backup.Options{}), n, backup.CreateOptions{})
		}
	})
	b.Run("again", func(b *testing.B) {
		b.SetBytes(count * size)
		for b.Loop() {
			create(b, full, n, backup.CreateOptions{Keep: 1})
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.SetBytes(count * size)
		for b.Loop() {
			verify(b, full, "")
		}
	})
	b.Run("restore", func(b *testing.B) {
		b.SetBytes(count * size)
		for b.Loop() {
			if _, err := full.Restore(b.Context(), "", filepath.Join(b.TempDir(), "x"), backup.RestoreOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
