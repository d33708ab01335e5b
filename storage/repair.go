package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// RepairOptions say what a repair may draw on. The zero value uses the folder alone.
type RepairOptions struct {
	// DryRun finds out what would be done and changes nothing.
	DryRun bool
	// Log reads what the log's folder keeps. Without it a catalogue cannot be replaced.
	Log func(dir string) (RepairLog, error)
	// Fetch opens a sealed segment or a blob by the hash of its content, which is verified
	// here. Without it what is lost is only listed. One that it does not have is
	// [lode.CodeNotFound].
	Fetch func(context.Context, lode.Hash) (io.ReadCloser, error)
	// Progress hears what is being looked at, and how far that is. The default is silence.
	Progress func(step string, done, all int)
	// Clock names what is put aside. The default is time.Now.
	Clock func() time.Time
	// FS is as in [Options].
	FS vfs.FS
}

// RepairLog is what the log's folder keeps of a state.
type RepairLog struct {
	First, Last uint64 // entries of the log; 0 when there are none
	Damage      error  // why entries behind Last cannot be read
	Snapshots   []RepairSnapshot
}

// RepairSnapshot is a snapshot of all entries up to Index, as [Snapshot.Write] wrote it.
type RepairSnapshot struct {
	Name  string
	Index uint64
	Open  func() (io.ReadCloser, error)
	// SetAside keeps the log from ever reading the snapshot again.
	SetAside func() error
}

// RepairReport says what a repair found. In a dry run, what is repaired would be.
type RepairReport struct {
	Repaired []Repaired
	Left     []Unrepaired
	// Orphans are files to which nothing refers. A running node removes most by itself.
	Orphans []Breach
	// Replay, when it is not nil, is the log entry behind which the next start applies the
	// log again. What the log refers to can be checked only then.
	Replay *uint64
}

// Repaired is a breach with what was done about it.
type Repaired struct {
	Breach
	How string
}

// Unrepaired is a breach that a repair cannot mend.
type Unrepaired struct {
	Breach
	Hint string
}

const (
	hintRestore = "restore the node from a backup (lode backup restore), or let it rejoin with an empty folder"
	hintFetch   = "fetch it from a backup: lode repair --from REPOSITORY"
)

// Repair rebuilds what is derived in the data folder of a node that is not running: the
// catalogue from the newest snapshot of the log, records of the catalogue from collections,
// documents and versions, and files by their hash from wherever o.Fetch finds them. It
// begins with what an interrupted process left to be done. Nothing is changed that a second
// run would change back, and a run that was killed may be run again. The error is non-nil
// only when the repair could not be finished; what it cannot mend is in the report.
//
// A folder in use is [lode.CodeConflict], one that is no data folder [lode.CodeNotFound].
func Repair(ctx context.Context, dir string, o RepairOptions) (report RepairReport, err error) {
	s, err := openFolderOf(dir, o.FS)
	if err != nil {
		return report, err
	}
	r := &repair{RepairOptions: o, ctx: ctx, s: s, seen: s, report: &report}
	r.ensureDefaults()
	if err := errors.Join(r.run(), r.forget(), s.Close()); err != nil {
		return report, fmt.Errorf("repair %s: %w", dir, err)
	}
	return report, nil
}

// openFolderOf takes the folder of a stopped node, whose files are opened for reading only.
func openFolderOf(dir string, fsys vfs.FS) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	o := Options{FS: fsys}
	o.ensureDefaults()
	s, err := newStore(dir, o)
	if err != nil {
		return nil, err
	}
	s.files.(*boltFiles).readOnly = true
	if _, err := os.Stat(s.path(nodeName)); errors.Is(err, fs.ErrNotExist) {
		return nil, lode.NotFound("data folder", dir).WithHint("a data folder holds a file NODE")
	}
	return s, s.takeLock()
}

// repair is one run of Repair.
type repair struct {
	RepairOptions
	ctx    context.Context
	s      *Store
	report *RepairReport
	// seen is s, or in a dry run the store as it would be after edits of the catalogue.
	seen *Store
	// lost names what is missing, as errors of what lies in it do.
	lost []string
}

func (r *repair) ensureDefaults() {
	if r.Progress == nil {
		r.Progress = func(string, int, int) {}
	}
	if r.Clock == nil {
		r.Clock = time.Now
	}
}

func (r *repair) run() error {
	if _, _, err := readNode(r.s.fsys, r.s.path(nodeName)); err != nil {
		r.leave(Breach{Where: nodeName, What: err.Error()}, hintRestore)
		return nil
	}
	if stop, err := r.finishPlan(); stop || err != nil {
		return err
	}
	if err := r.s.makeFolders(); !r.DryRun && err != nil {
		return err
	}
	if open, err := r.catalogue(); !open || err != nil {
		return err
	}
	if r.report.Replay == nil {
		if err := r.derived(); err != nil {
			return err
		}
	}
	if err := r.files(); err != nil {
		return err
	}
	if r.report.Replay != nil {
		return nil
	}
	return r.verify()
}

// finishPlan does what an interrupted process left to be done. A dry run stops there: what
// follows depends on it.
func (r *repair) finishPlan() (stop bool, err error) {
	_, err = r.s.fsys.Stat(r.s.path(planName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && !r.DryRun {
		err = r.s.finishPlan()
	}
	if lode.IsCode(err, lode.CodeCorrupt) {
		r.leave(Breach{Where: planName, What: err.Error()}, hintRestore)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	r.mended(Breach{Where: planName, What: "a change of several files was interrupted"}, "finished; run repair again to see the rest")
	return r.DryRun, nil
}

func (r *repair) mended(b Breach, format string, args ...any) {
	r.report.Repaired = append(r.report.Repaired, Repaired{b, fmt.Sprintf(format, args...)})
}

func (r *repair) leave(b Breach, hint string) {
	r.report.Left = append(r.report.Left, Unrepaired{b, hint})
}

// verify checks the folder as it is now; in a dry run, as it would be.
func (r *repair) verify() error {
	r.Progress("check", 0, 1)
	err := r.seen.Check(r.ctx, func(b Breach) {
		switch {
		case b.Benign:
			r.report.Orphans = append(r.report.Orphans, b)
		case !r.isKnown(b):
			r.leave(b, hintRestore)
		}
	})
	r.Progress("check", 1, 1)
	return err
}

// isKnown reports whether a breach follows from a file whose loss is in the report already.
func (r *repair) isKnown(b Breach) bool {
	for _, name := range r.lost {
		if strings.Contains(b.What, name) || strings.Contains(b.Where, name) {
			return true
		}
	}
	return false
}

// foresee makes seen the store as it would be with edits: over a copy of the catalogue.
func (r *repair) foresee(edits []recordEdit) error {
	dir, err := os.MkdirTemp("", "lode-repair-")
	if err != nil {
		return err
	}
	if r.seen, err = newStore(r.s.dir, r.s.options); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	files := r.seen.files.(*boltFiles)
	files.catalog, files.readOnly = filepath.Join(dir, catalogName), true
	if err := r.copyEdited(files.catalog, edits); err != nil {
		return err
	}
	return r.seen.openCatalog()
}

// forget closes what foresee has opened and removes it.
func (r *repair) forget() error {
	if r.seen == r.s || r.seen == nil {
		return nil
	}
	return errors.Join(r.seen.Close(), os.RemoveAll(filepath.Dir(r.seen.files.(*boltFiles).catalog)))
}

func (r *repair) copyEdited(path string, edits []recordEdit) error {
	f, err := os.Open(r.s.path(catalogName))
	if err != nil {
		return err
	}
	if err := errors.Join(copyToFile(path, f), f.Close()); err != nil {
		return err
	}
	db, err := openCatalog(path, 0, false)
	if err != nil {
		return err
	}
	return errors.Join(writeEdits(&boltBase{db, path}, r.s.Applied(), edits), db.Close())
}
