package storage

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// A folder is made in an order that lets an interrupted process be told from lost data:
// folders, then the catalogue, then NODE. Without NODE there can be nothing of value.

func makeDataDir(fsys vfs.FS, dir string) error {
	err := vfs.MkdirDurable(fsys, dir)
	if errors.Is(err, fs.ErrPermission) {
		// A folder made for us below one that we may not read cannot be synced into it, and
		// need not be.
		if _, statErr := fsys.Stat(dir); statErr == nil {
			return nil
		}
	}
	return err
}

// prepare brings a folder, new or known, to where its catalogue can be opened.
func (s *Store) prepare(known bool) error {
	if !known {
		if err := s.refuseForeign(); err != nil {
			return err
		}
	}
	if err := s.makeFolders(); err != nil {
		return err
	}
	if err := s.finishPlan(); err != nil {
		return err
	}
	if err := s.removeTemps(); err != nil {
		return err
	}
	if known {
		return nil
	}
	return s.initialise()
}

// refuseForeign keeps us from settling among files that are not ours.
func (s *Store) refuseForeign() error {
	entries, err := s.fsys.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, _, temporary := strings.Cut(e.Name(), ".")
		switch e.Name() {
		case lockName, planName, catalogName, segmentsName, blobsName, raftName, "lost+found":
			continue
		case "models", "embeddings": // of the program: models may be added before its first start
			continue
		}
		if temporary && (name == nodeName || name == planName || name == "catalog") && strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		return lode.Errorf(lode.CodeConflict, "the folder holds %q and is no data folder", e.Name()).
			WithHint("name an empty folder, or one that does not exist yet")
	}
	return nil
}

func (s *Store) makeFolders() error {
	for _, dir := range []string{s.segments.dir, s.blobs.dir, s.blobs.tempDir(), s.RaftDir()} {
		if _, err := s.fsys.Stat(dir); err == nil {
			continue // made durable at the latest when NODE was
		}
		if err := vfs.MkdirDurable(s.fsys, dir); err != nil {
			return err
		}
	}
	// An earlier process may have died between a rename in it and the sync.
	return s.fsys.SyncDir(s.segments.dir)
}

func (s *Store) removeTemps() error {
	for _, dir := range []string{s.dir, s.segments.dir, s.blobs.tempDir()} {
		n, err := vfs.RemoveTemps(s.fsys, dir)
		if err != nil {
			return err
		}
		if n > 0 {
			s.log.Info("unfinished files removed", "dir", dir, "files", n)
		}
	}
	return nil
}

// initialise makes the catalogue of a folder without NODE, after seeing that nothing is lost
// by taking the folder for a new one.
func (s *Store) initialise() error {
	entries, err := s.fsys.ReadDir(s.RaftDir())
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return errLostNode
	}
	found, err := s.files.hasCatalog()
	if err != nil {
		return err
	}
	if !found {
		return s.files.createCatalog()
	}
	if err := s.openCatalog(); err != nil {
		return err
	}
	if s.Applied() != (Applied{}) {
		return errLostNode
	}
	err = s.catalog.close()
	s.catalog = nil
	return err
}

var errLostNode = lode.Errorf(lode.CodeCorrupt, "NODE is missing from a folder that holds data").
	WithHint("put the file back from a backup, or remove the folder so that the node rejoins empty")
