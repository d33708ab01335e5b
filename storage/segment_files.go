package storage

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// How many files of segments stay open that nobody uses at the moment.
const (
	idleGrowing = 128
	idleSealed  = 512
)

const (
	sealedSuffix = ".segment"
	tempSuffix   = ".tmp"
)

// segmentFiles are the files of the segments of a store.
type segmentFiles struct {
	fsys    vfs.FS
	dir     string
	files   baseFiles
	growing *handles[segmentKey, base]
	sealed  *handles[lode.Hash, *sealedFile]

	mu struct { // held while a sealed file is removed
		sync.Mutex
		pins map[lode.Hash]int
		// doomed are to be removed once no transaction can need them, unless somebody pins
		// them before. A mark belongs to who set it: an older one that was taken back stays so.
		doomed map[lode.Hash]*doomed
		built  map[lode.Hash]struct{} // by this process: whole and durable
		health map[lode.Hash]*health  // of those that were opened
	}
}

func newSegmentFiles(fsys vfs.FS, dir string, files baseFiles) *segmentFiles {
	f := &segmentFiles{fsys: fsys, dir: dir, files: files}
	f.growing = newHandles(idleGrowing, func(k segmentKey) (base, error) { return files.openGrowing(k) })
	f.sealed = newHandles(idleSealed, f.openSealed)
	f.mu.pins, f.mu.doomed = map[lode.Hash]int{}, map[lode.Hash]*doomed{}
	f.mu.built, f.mu.health = map[lode.Hash]struct{}{}, map[lode.Hash]*health{}
	return f
}

func (f *segmentFiles) sealedPath(h lode.Hash) string {
	return filepath.Join(f.dir, h.String()+sealedSuffix)
}

// openSealed opens a sealed file by its hash.
func (f *segmentFiles) openSealed(h lode.Hash) (*sealedFile, error) {
	health := f.healthOf(h)
	file, err := openSealed(f.fsys, f.sealedPath(h))
	if err != nil {
		if isLoss(err) {
			health.note(err)
		}
		return nil, err
	}
	file.health = health
	return file, nil
}

// forWriting opens the file of a growing segment, made when it is missing.
func (f *segmentFiles) forWriting(k segmentKey) (*handle[segmentKey, base], error) {
	h, err := f.growing.get(k)
	if !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	if err := f.files.createGrowing(k); err != nil {
		return nil, err
	}
	return f.growing.get(k)
}

// noteBuilt remembers that this process has made a sealed file durable.
func (f *segmentFiles) noteBuilt(h lode.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.built[h] = struct{}{}
}

func (f *segmentFiles) wasBuilt(h lode.Hash) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, built := f.mu.built[h]
	return built
}

// pin keeps a sealed file from the sweeper.
func (f *segmentFiles) pin(h lode.Hash) (release func()) {
	f.mu.Lock()
	f.mu.pins[h]++
	delete(f.mu.doomed, h)
	f.mu.Unlock()
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.mu.pins[h]--; f.mu.pins[h] == 0 {
			delete(f.mu.pins, h)
		}
	})
}

func (f *segmentFiles) pinned(h lode.Hash) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.pins[h] > 0
}

// removeGrowing removes the file of a growing segment that nothing refers to any more.
func (f *segmentFiles) removeGrowing(k segmentKey) error {
	return errors.Join(f.growing.drop(k), f.files.removeGrowing(k))
}

// doomed marks a file for removal.
type doomed struct{ _ byte } // two marks are never at one address

// doom marks a sealed file that nobody holds for removal; nil when somebody does. Who asks
// looks for references afterwards: a file that is named later is pinned first, which saves it.
func (f *segmentFiles) doom(h lode.Hash) *doomed {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.pins[h] > 0 {
		return nil // the sweeper comes back
	}
	mark := new(doomed)
	f.mu.doomed[h] = mark
	return mark
}

// spare takes doom back.
func (f *segmentFiles) spare(h lode.Hash, mark *doomed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.doomed[h] == mark {
		delete(f.mu.doomed, h)
	}
}

// removeDoomed removes a sealed file, unless somebody has pinned it since it was marked.
func (f *segmentFiles) removeDoomed(h lode.Hash, mark *doomed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if mark == nil || f.mu.doomed[h] != mark {
		return nil
	}
	delete(f.mu.doomed, h)
	delete(f.mu.built, h)
	delete(f.mu.health, h)
	if err := f.removeIndexes(h); err != nil {
		return err // they would stay for ever without their segment; a sweep tries again
	}
	err := errors.Join(f.sealed.drop(h), f.fsys.Remove(f.sealedPath(h)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// each calls fn for every file with what its name says: a sealed file, a growing segment, or
// neither. Indexes and files that are being written are left out.
func (f *segmentFiles) each(fn func(name string, sealed lode.Hash, growing segmentKey) error) error {
	entries, err := f.fsys.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, index := parseIndexName(e.Name()); index || strings.HasSuffix(e.Name(), tempSuffix) {
			continue
		}
		var hash lode.Hash
		var key segmentKey
		if name, is := strings.CutSuffix(e.Name(), sealedSuffix); is {
			hash, _ = lode.ParseHash(name)
		} else if name, is := strings.CutSuffix(e.Name(), growingSuffix); is {
			key, _ = parseSegmentKey(name)
		}
		if err := fn(e.Name(), hash, key); err != nil {
			return err
		}
	}
	return nil
}

// indexes lists the indexes of sealed files.
func (f *segmentFiles) indexes() (all []IndexName, err error) {
	entries, err := f.fsys.ReadDir(f.dir)
	for _, e := range entries {
		if n, is := parseIndexName(e.Name()); is {
			all = append(all, n)
		}
	}
	return all, err
}

// removeIndexes removes all indexes of a sealed file.
func (f *segmentFiles) removeIndexes(h lode.Hash) error {
	all, err := f.indexes()
	for _, n := range all {
		if n.Hash != h {
			continue
		}
		if gone := f.fsys.Remove(f.indexPath(n)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

func (f *segmentFiles) close() error {
	return errors.Join(f.growing.closeAll(), f.sealed.closeAll())
}
