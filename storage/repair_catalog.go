package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
)

// catalogue sees that the catalogue is open and its pages are sound: that of the folder, or
// one from the newest snapshot of the log. open is false when neither is to be had.
func (r *repair) catalogue() (open bool, err error) {
	r.Progress("catalogue", 0, 1)
	defer r.Progress("catalogue", 1, 1)
	damage, err := r.probe()
	if damage == nil || err != nil {
		return err == nil, err
	}
	if newer := r.otherVersion(); newer != nil {
		r.leave(Breach{Where: catalogName, What: newer.Error()}, "repair it with the lode that wrote it")
		return false, nil
	}
	found := Breach{Where: catalogName, What: damage.Error()}
	b, why, err := r.findBasis()
	if err != nil {
		return false, err
	}
	if b == nil {
		r.leave(found, why+"; "+hintRestore)
		return false, nil
	}
	defer b.discard()
	if why, err := b.takeSegments(); why != "" || err != nil {
		if err == nil {
			r.leave(found, why+"; "+hintRestore)
		}
		return false, err
	}
	how := "taken from " + b.from
	if !r.DryRun {
		aside, err := b.install()
		if err != nil {
			return false, err
		}
		if aside != "" {
			how += "; the damaged file is " + aside
		}
	}
	r.mended(found, "%s", how)
	r.report.Replay = &b.at.Index
	if r.DryRun {
		return false, nil // what the log's state refers to is looked at when it is there
	}
	return true, r.s.openCatalog()
}

// probe opens the catalogue and walks its pages. damage says why it is of no use.
func (r *repair) probe() (damage, err error) {
	s := r.s
	if err := s.openCatalog(); err != nil {
		if lode.IsCode(err, lode.CodeCorrupt) {
			return err, r.dropCatalog()
		}
		return nil, err
	}
	in := s.catalog.(*boltBase)
	c := newChecker(r.ctx, nil, nil, func(b Breach) {
		if damage == nil {
			damage = lode.Errorf(lode.CodeCorrupt, "%s", b.What)
		}
	})
	err = readBolt(in.db, func(tx *bolt.Tx) error {
		if info, err := os.Stat(in.path); err != nil || info.Size() < tx.Size() {
			damage = lode.Errorf(lode.CodeCorrupt, "the file is shorter than its %d bytes in use", tx.Size())
			return nil
		}
		// bbolt's own walk panics on a goroutine of its own where pages make no sense. This
		// one is guarded.
		if err := walkBuckets(tx); err != nil {
			return err
		}
		c.structure(tx, in.path)
		return nil
	})
	if lode.IsCode(err, lode.CodeCorrupt) {
		damage, err = err, nil
	}
	if damage == nil || err != nil {
		return nil, err
	}
	return damage, r.dropCatalog()
}

func (r *repair) dropCatalog() (err error) {
	if r.s.catalog != nil {
		err = r.s.catalog.close()
	}
	r.s.catalog = nil
	return err
}

// walkBuckets reads every key and value.
func walkBuckets(tx *bolt.Tx) error {
	var walk func(b *bolt.Bucket) error
	walk = func(b *bolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			if v != nil {
				return nil
			}
			inner := b.Bucket(k)
			if inner == nil {
				return lode.Errorf(lode.CodeCorrupt, "bucket %x is not there", k)
			}
			return walk(inner)
		})
	}
	return tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return walk(b) })
}

// otherVersion returns an error when the catalogue is no damaged one but one of another
// version, which this program must not replace.
func (r *repair) otherVersion() (other error) {
	db, err := openBolt(r.s.path(catalogName), &bolt.Options{ReadOnly: true})
	if err != nil {
		return nil
	}
	defer db.Close()
	_ = readBolt(db, func(tx *bolt.Tx) error {
		var f formatRecord
		local := tx.Bucket(localBucket)
		if local != nil && decodeRecord(kindFormat, local.Get(formatKey), &f) == nil && f.Version != catalogVersion {
			other = checkFormat(db)
		}
		return nil
	})
	return other
}

// basis is a whole catalogue from which the log can be applied again.
type basis struct {
	*repair
	from     string // for people
	path     string // of the catalogue, to be renamed or removed
	at       Applied
	segments []SegmentRef
	broken   []RepairSnapshot // newer ones, which do not read back
	steps    []planStep
	planned  bool // the next open at the latest gives the files their names
}

// discard removes what was put together and will not be used.
func (b *basis) discard() {
	if b.planned {
		return
	}
	_ = os.Remove(b.path) // what stays is removed at the next open
	for _, step := range b.steps {
		_ = os.Remove(b.s.path(step.From))
	}
}

// findBasis reads the snapshots of the log, newest first. Without one it says why.
func (r *repair) findBasis() (b *basis, why string, err error) {
	if r.Log == nil {
		return nil, "the log was not looked at", nil
	}
	kept, err := r.Log(r.s.RaftDir())
	if err != nil {
		return nil, "", err
	}
	if kept.Damage != nil {
		return nil, fmt.Sprintf("the log is damaged too: %v", kept.Damage), nil
	}
	b = &basis{repair: r}
	for i := range kept.Snapshots {
		snap := &kept.Snapshots[i]
		if kept.First > snap.Index+1 {
			return nil, fmt.Sprintf("the log begins at entry %d, the newest snapshot that reads back whole ends at %d", kept.First, snap.Index), nil
		}
		err := b.extract(snap)
		if err == nil {
			return b, "", nil
		}
		if !lode.IsCode(err, lode.CodeCorrupt) {
			return nil, "", err
		}
		b.broken = append(b.broken, *snap)
	}
	if kept.First != 1 {
		return nil, fmt.Sprintf("no snapshot reads back whole, and the log begins at entry %d", kept.First), nil
	}
	if b.path, err = r.tempCatalog(); err != nil {
		return nil, "", err
	}
	b.from = fmt.Sprintf("the beginning: the log has every entry from 1 to %d", kept.Last)
	return b, "", createCatalog(r.s.fsys, b.path)
}

// tempCatalog names the file in which a catalogue is put together; a dry run does so outside
// of the folder.
func (r *repair) tempCatalog() (string, error) {
	if !r.DryRun {
		path := r.s.path(catalogName + ".repair.tmp")
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return path, err
	}
	f, err := os.CreateTemp("", "lode-repair-*.tmp")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Close(), os.Remove(f.Name()))
}

// extract takes the catalogue out of a snapshot and checks every page and record of it.
func (b *basis) extract(snap *RepairSnapshot) (err error) {
	r, err := snap.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	head, catalog, err := openSnapshot(&stoppedReader{b.ctx, r})
	if err != nil {
		return err
	}
	if b.path, err = b.tempCatalog(); err != nil {
		return err
	}
	b.at = Applied{Index: head.Index, Term: head.Term}
	b.from = fmt.Sprintf("the log's snapshot of entry %d", snap.Index)
	if err = copyToFile(b.path, catalog); err == nil {
		b.segments, err = checkReceived(b.path, b.at)
	}
	if err != nil {
		return errors.Join(err, os.Remove(b.path))
	}
	return nil
}

// takeSegments sees that the growing segments hold what the catalogue speaks of; one that
// has been sealed since is made again from its sealed file. why says what is gone for good.
func (b *basis) takeSegments() (why string, err error) {
	for _, ref := range b.segments {
		if ref.State == SegmentSealed || ref.Bytes == 0 {
			continue
		}
		if b.isHere(ref) {
			continue
		}
		step, err := b.regrow(ref)
		if lode.IsCode(err, lode.CodeCorrupt) {
			return fmt.Sprintf("growing segment %s, as of the snapshot, is gone: %v", ref.key(), err), nil
		}
		if err != nil {
			return "", err
		}
		b.steps = append(b.steps, step)
	}
	return "", nil
}

// isHere reports whether the file of a growing segment has all that the catalogue speaks of.
// What came after it is passed over until the log brings it again.
func (b *basis) isHere(ref SegmentRef) bool {
	in, err := b.s.files.openGrowing(ref.key())
	if err != nil {
		return false
	}
	at, err := appliedIn(in)
	return errors.Join(err, in.close()) == nil && at.Index >= ref.PutAt
}

// install puts the damaged files aside and gives the good ones their names.
func (b *basis) install() (aside string, err error) {
	for i := range b.broken {
		if err := b.broken[i].SetAside(); err != nil {
			return "", err
		}
	}
	s := b.s
	if _, err := s.fsys.Stat(s.path(catalogName)); err == nil {
		aside = catalogName + ".damaged-" + b.Clock().UTC().Format("20060102T150405.000")
		if err := errors.Join(s.fsys.Rename(s.path(catalogName), s.path(aside)), s.fsys.SyncDir(s.dir)); err != nil {
			return "", err
		}
	}
	steps := append(b.steps, planStep{From: filepath.Base(b.path), To: catalogName})
	b.planned, err = s.execute(plan{Why: "repair", Steps: steps})
	return aside, err
}
