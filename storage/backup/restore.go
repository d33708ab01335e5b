package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/storage"
)

// tempSuffix ends the name of a folder that is being restored.
const tempSuffix = ".restore.tmp"

// largeBlobBytes is the size from which blobs are restored one at a time.
const largeBlobBytes = 32 << 20

// RestoreOptions are the settings of a restore. The zero value is good.
type RestoreOptions struct {
	// Cluster, when it is set, is the only cluster whose backup is restored.
	Cluster string
}

// Restored is what a restore made.
type Restored struct {
	Backup
	NewNode string // identity of the node whose folder was made
}

// Restore makes a data folder from a backup: the state of the cluster at the backup's log
// entry, with a new node that is its only voter. An empty id is the newest backup. dir must
// be empty or missing ([lode.CodeConflict] otherwise). Everything is read, checked and
// synced in dir's sibling <dir>.restore.tmp, which then takes the name dir: on any error, and
// after a crash, dir is as it was.
func (r *Repository) Restore(ctx context.Context, id, dir string, o RestoreOptions) (Restored, error) {
	var restored Restored
	dir, err := filepath.Abs(dir)
	if err != nil {
		return restored, err
	}
	if err := mustBeEmpty(dir); err != nil {
		return restored, err
	}
	id, m, err := r.find(ctx, id)
	if err != nil {
		return restored, fmt.Errorf("restore backup: %w", err)
	}
	if o.Cluster != "" && m.Cluster != o.Cluster {
		err = lode.FieldError(lode.CodeConflict, "cluster", o.Cluster, "the backup is of cluster %s", m.Cluster)
	}
	if err == nil {
		err = r.present(ctx, m)
	}
	if err == nil {
		restored.NewNode, err = r.restore(ctx, m, dir)
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restore backup %s: %w", id, err)
	}
	restored.Backup = m.describe(id)
	r.Logger.Info("backup restored", "backup", id, "dir", dir, "node", restored.NewNode, "index", m.Index)
	return restored, nil
}

// mustBeEmpty keeps a restore from touching data.
func mustBeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if len(entries) > 0 {
		return lode.FieldError(lode.CodeConflict, "data", dir, "the folder holds %s; a backup is restored into an empty or a new folder only", entries[0].Name()).
			WithHint("name another folder, or move the old one away")
	}
	return nil
}

// present sees that no object is missing before the work begins; their content is checked
// as it is read.
func (r *Repository) present(ctx context.Context, m *manifest) error {
	missing := m.objects()
	all := len(missing)
	err := r.target.List(ctx, objectsFolder, func(f File) error {
		if h, ok := parseObjectName(f.Name); ok {
			delete(missing, h)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for h := range missing {
		return lode.Errorf(lode.CodeCorrupt, "%d of %d objects are missing, one is %s", len(missing), all, h)
	}
	return nil
}

// restore builds the folder and gives it its name.
func (r *Repository) restore(ctx context.Context, m *manifest, dir string) (node string, err error) {
	temp := dir + tempSuffix
	if err := removeStale(temp); err != nil {
		return "", err
	}
	if err := vfs.MkdirDurable(vfs.OS, filepath.Dir(dir)); err != nil {
		return "", err
	}
	store, err := storage.Open(temp, storage.Options{Logger: r.Logger})
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	if err := errors.Join(r.fill(ctx, m, store, temp), store.Close()); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty one
		return "", fmt.Errorf("%w; if it is a mount point, name a folder below it", err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return "", err
	}
	return store.NodeID(), vfs.OS.SyncDir(filepath.Dir(dir))
}

// removeStale removes what an interrupted restore left, and refuses one that is under way.
func removeStale(temp string) error {
	if _, err := os.Stat(temp); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := vfs.Lock(filepath.Join(temp, "LOCK"))
	if err != nil {
		return lode.Errorf(lode.CodeConflict, "another restore is writing to %s: %w", temp, err)
	}
	return errors.Join(os.RemoveAll(temp), lock.Close())
}

// fill brings everything into an empty store and checks it there.
func (r *Repository) fill(ctx context.Context, m *manifest, s *storage.Store, dir string) error {
	if err := r.fillCatalogue(ctx, m, s, dir); err != nil {
		return err
	}
	if err := r.fillBlobs(ctx, m, s); err != nil {
		return err
	}
	var first error
	err := s.Check(ctx, func(b storage.Breach) {
		if first == nil && !b.Benign {
			first = lode.Errorf(lode.CodeCorrupt, "what was restored is not whole: %s", b)
		}
	})
	if err := errors.Join(err, first); err != nil {
		return err
	}
	return raft.Seed(s.RaftDir(), raft.SeedOptions{
		NodeID: s.NodeID(), Index: m.Index, Term: m.Term,
		State: func(w io.Writer) error {
			_, err := s.WriteSnapshot(w)
			return err
		},
	})
}

// fillCatalogue restores the catalogue and the segments, which take their names together.
func (r *Repository) fillCatalogue(ctx context.Context, m *manifest, s *storage.Store, dir string) (err error) {
	catalogue, err := r.assembled(ctx, m.catalogue(), filepath.Join(dir, "backup.catalog.tmp"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, catalogue.Close()) }()
	if err := inspect(ctx, m, catalogue.Name()); err != nil {
		return err
	}
	at := storage.Applied{Index: m.Index, Term: m.Term}
	return s.RestoreCatalog(ctx, catalogue, at, func(ctx context.Context, ref storage.SegmentRef) (io.ReadCloser, error) {
		return r.openSegment(ctx, m, ref, dir)
	})
}

// openSegment reads the file of a segment, which must have its hash.
func (r *Repository) openSegment(ctx context.Context, m *manifest, ref storage.SegmentRef, dir string) (io.ReadCloser, error) {
	s := m.segment(ref)
	if s == nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "the manifest does not list it")
	}
	if s.sealed() {
		return openObject(ctx, r.target, s.Hash, s.Bytes)
	}
	file, err := r.assembled(ctx, m.growing(s), filepath.Join(dir, "backup.segment.tmp"))
	if err != nil {
		return nil, err
	}
	if err := mustHash(file, s.Hash); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// mustHash refuses a file of another content, and is back at its beginning otherwise.
func mustHash(file io.ReadSeeker, h lode.Hash) error {
	if err := copyHashed(io.Discard, file, h); err != nil {
		return err
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// assembled puts a file together from its pieces, for reading; its Close removes it.
func (r *Repository) assembled(ctx context.Context, p pieces, path string) (*passingFile, error) {
	err := r.assemble(ctx, p, path)
	if err == nil {
		var f *os.File
		if f, err = os.Open(path); err == nil {
			return &passingFile{f}, nil
		}
	}
	if removeErr := os.Remove(path); !errors.Is(removeErr, os.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return nil, err
}

// passingFile is a file that is removed when it is closed.
type passingFile struct{ *os.File }

func (f *passingFile) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }

func (r *Repository) fillBlobs(ctx context.Context, m *manifest, s *storage.Store) error {
	var large sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.Workers)
	for _, b := range m.Blobs {
		group.Go(func() error {
			if b.Bytes >= largeBlobBytes {
				large.Lock()
				defer large.Unlock()
			}
			var content bytes.Buffer
			if err := readObject(ctx, r.target, b.Hash, b.Bytes, &content); err != nil {
				return err
			}
			_, release, err := s.Blobs().Put(ctx, content.Bytes())
			if err == nil {
				release() // the catalogue refers to it already
			}
			return err
		})
	}
	return group.Wait()
}
