package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Beside the sealed file of a segment a node may keep indexes of it, files of the same name
// that end in .index. They are derived and belong to this node alone: no snapshot or backup
// has them, they may be removed at any time, and what is in them is not storage's business.

const indexSuffix = ".index"

// IndexName names an index of a sealed file.
type IndexName struct {
	// Hash is that of the sealed file.
	Hash lode.Hash
	// Space is 0 for the index of the rows' own vectors, else the place of a named vector space
	// of the collection, from 1.
	Space int
	// Words says that it is the index of the rows' words; Space is 0 then.
	Words bool
}

const wordsName = "words"

// String is the name of the file: HASH.index, HASH.SPACE.index or HASH.words.index.
func (n IndexName) String() string {
	switch {
	case n.Words:
		return fmt.Sprintf("%s.%s%s", n.Hash, wordsName, indexSuffix)
	case n.Space == 0:
		return n.Hash.String() + indexSuffix
	}
	return fmt.Sprintf("%s.%d%s", n.Hash, n.Space, indexSuffix)
}

func parseIndexName(name string) (n IndexName, ok bool) {
	base, ok := strings.CutSuffix(name, indexSuffix)
	hash, of, named := strings.Cut(base, ".")
	h, err := lode.ParseHash(hash)
	if !ok || err != nil {
		return n, false
	}
	n.Hash = h
	if n.Words = of == wordsName; named && !n.Words {
		n.Space, _ = strconv.Atoi(of)
	}
	return n, n.String() == name
}

func (f *segmentFiles) indexPath(n IndexName) string { return filepath.Join(f.dir, n.String()) }

// SealedRows are the rows of a sealed segment in memory that is mapped to its file, as an
// index is built from them and searches them. They stay readable when the segment is gone.
type SealedRows struct {
	// Hash names the file.
	Hash lode.Hash
	// Dim is that of the vectors, Rows their number.
	Dim, Rows int

	name    string
	dir     *directory
	mapping *vfs.Mapping
	checked bitset // vector blocks that had their checksum in this mapping
	health  *health
}

// Keep says how the file is held in memory; see [vfs.Mapping.Keep].
func (r *SealedRows) Keep(residence vfs.Residence) error { return r.mapping.Keep(residence) }

// SealedRun are rows that belong to one version: consecutive ones, with consecutive ids.
type SealedRun struct {
	First lode.RowID // id of the first
	At    int        // its number in the segment
	Rows  int
}

// MapSealed maps the rows of a sealed segment. One that is not sealed is [lode.CodeConflict],
// one that does not exist [lode.CodeNotFound]. Head, foot and directory were checked; Check
// does so with the vectors that are used, Verify with all of them.
func (s *Store) MapSealed(c lode.CollectionID, id lode.SegmentID) (r *SealedRows, err error) {
	err = s.View(func(t *Tx) error {
		r, err = t.MapSealed(c, id)
		return err
	})
	return r, err
}

// MapSealed is [Store.MapSealed] within a transaction.
func (t *Tx) MapSealed(c lode.CollectionID, id lode.SegmentID) (*SealedRows, error) {
	all, err := t.MapAllSealed(c, []lode.SegmentID{id})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// MapAllSealed is [Tx.MapSealed] of several segments, which are opened at the same time.
func (t *Tx) MapAllSealed(c lode.CollectionID, ids []lode.SegmentID) ([]*SealedRows, error) {
	all, opened := make([]*SealedRows, len(ids)), make([]*handle[lode.Hash, *sealedFile], len(ids))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range ids {
		k := segmentKey{c, id}
		hash, err := t.sealedHash(k)
		if err != nil {
			return nil, fmt.Errorf("map segment %s: %w", k, errors.Join(err, group.Wait()))
		}
		group.Go(func() (err error) {
			all[i], opened[i], err = t.store.segments.mapSealed(k, hash)
			if err != nil {
				err = fmt.Errorf("map segment %s: %w", k, err)
			}
			return err
		})
	}
	err := group.Wait()
	for _, h := range opened {
		if h != nil {
			t.keepSealed(h)
		}
	}
	return all, err
}

// sealedHash names the file of a sealed segment.
func (t *Tx) sealedHash(k segmentKey) (h lode.Hash, err error) {
	state, err := t.segment(k)
	switch {
	case err != nil:
		return h, err
	case !state.exists:
		return h, lode.NotFound("segment", k)
	case state.State != SegmentSealed:
		return h, lode.Errorf(lode.CodeConflict, "segment %s is %s", k, state.State)
	}
	return state.Hash, nil
}

// mapSealed opens and maps the file of a segment. The handle must be released.
func (f *segmentFiles) mapSealed(k segmentKey, hash lode.Hash) (*SealedRows, *handle[lode.Hash, *sealedFile], error) {
	h, err := f.open(k, hash)
	if err != nil {
		return nil, nil, err
	}
	mapping, err := vfs.Map(f.fsys, f.sealedPath(hash))
	if err != nil {
		h.release()
		return nil, nil, errSegmentFile(k, err)
	}
	file := h.value
	if int64(len(mapping.Bytes())) != file.bytes {
		h.release()
		return nil, nil, lode.Errorf(lode.CodeCorrupt, "%s has %d bytes, and had %d when it was opened", file, len(mapping.Bytes()), file.bytes)
	}
	return &SealedRows{Hash: hash, Dim: file.dir.Dim, Rows: file.dir.Rows, name: file.String(), dir: &file.dir, mapping: mapping,
		checked: newBitset(file.dir.vectorBlocks()), health: file.health}, h, nil
}

// Vectors are the vectors of all rows as little-endian float32, one behind the other. They
// are valid as long as r is kept alive; see [vfs.Mapping] for what a damaged disk does.
func (r *SealedRows) Vectors() []byte {
	return r.mapping.Bytes()[sealedHeadBytes:][: 4*r.Dim*r.Rows : 4*r.Dim*r.Rows]
}

// Runs are the rows by version, in the order in which they lie in the segment.
func (r *SealedRows) Runs() []SealedRun {
	versions := r.Versions()
	runs := make([]SealedRun, len(versions))
	for i, v := range versions {
		runs[i] = v.SealedRun
	}
	return runs
}

// Versions are those that the rows belong to, in the order in which they lie in the segment. Some
// of them may be gone.
func (r *SealedRows) Versions() []SealedVersion {
	all := make([]SealedVersion, 0, r.dir.versions())
	for i := range r.dir.versions() {
		if e := unpackVersion(r.dir.Versions[i*packedVersion:]); e.rows > 0 {
			all = append(all, e.sealed())
		}
	}
	slices.SortFunc(all, func(a, b SealedVersion) int { return cmp.Compare(a.At, b.At) })
	return all
}

// SealedVersion is the version that rows of a sealed segment belong to.
type SealedVersion struct {
	Doc     lode.DocNo
	Version lode.Version
	SealedRun
}

// VersionOf returns the version that a row belongs to; ok is false where there is no such row.
// Rows mostly lie in the order of documents, and then it takes a binary search.
func (r *SealedRows) VersionOf(row int) (v SealedVersion, ok bool) {
	n := r.dir.versions()
	at := func(i int) versionEntry { return unpackVersion(r.dir.Versions[i*packedVersion:]) }
	has := func(e versionEntry) bool { return row >= int(e.first) && row < int(e.first)+int(e.rows) }
	i := sort.Search(n, func(i int) bool { return int(at(i).first) > row }) - 1
	if i < 0 || !has(at(i)) {
		for i = 0; i < n && !has(at(i)); i++ {
		}
	}
	if i == n {
		return v, false
	}
	return at(i).sealed(), true
}

func (e versionEntry) sealed() SealedVersion {
	return SealedVersion{e.doc, e.version, SealedRun{First: e.firstRow, At: int(e.first), Rows: int(e.rows)}}
}

// Check is nil when the vector of a row is what was written: at the first touch in this
// mapping of a block of 64 KiB it compares the block with its checksum, later it reads two
// bits. Damage is [lode.CodeCorrupt], also when the scrubber found it on the disk. It does not
// allocate unless it fails, takes no lock, and may be called by many at the same time.
func (r *SealedRows) Check(row int) error {
	stride := 4 * r.Dim
	for block := row * stride / vectorBlockBytes; block*vectorBlockBytes < (row+1)*stride; block++ {
		if r.checked.has(block) && !r.health.isBad(block) {
			continue
		}
		if err := r.checkBlock(block); err != nil {
			return err
		}
	}
	return nil
}

// Verify compares all vectors with their checksums.
func (r *SealedRows) Verify(ctx context.Context) error {
	for block := range r.dir.vectorBlocks() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.checkBlock(block); err != nil {
			return err
		}
	}
	return nil
}

func (r *SealedRows) checkBlock(block int) error {
	err := r.dir.badVectors(block)
	if !r.health.isBad(block) {
		start, end := r.dir.vectorBlock(block)
		sound := false
		fault := faultless(func() { sound = r.dir.isVectorBlock(block, r.Vectors()[start:end]) })
		if fault == nil && sound {
			r.checked.add(block)
			return nil
		}
		err = cmp.Or(fault, err)
		r.health.condemn(block)
	}
	r.health.note(err)
	return fmt.Errorf("%s: %w", r.name, err)
}

// Replaced reports whether the file was damaged and is another one now: who maps it anew
// reads that one, while r goes on reading what is damaged.
func (r *SealedRows) Replaced() bool { return r.health.replaced.Load() }

// PutIndex writes an index of a sealed file, whole or not at all.
func (s *Store) PutIndex(n IndexName, write func(io.Writer) error) error {
	if err := vfs.WriteFile(s.fsys, s.segments.indexPath(n), write); err != nil {
		return fmt.Errorf("write index %s: %w", n, err)
	}
	return nil
}

// MapIndex maps an index of a sealed file; one that is missing is [fs.ErrNotExist].
func (s *Store) MapIndex(n IndexName) (*vfs.Mapping, error) {
	m, err := vfs.Map(s.fsys, s.segments.indexPath(n))
	if err != nil {
		return nil, fmt.Errorf("open index %s: %w", n, err)
	}
	return m, nil
}

// IndexFolder is where indexes lie. What is written there beside them, to be put together, has a
// name that ends in .tmp: a start removes what a crash left.
func (s *Store) IndexFolder() (vfs.FS, string) { return s.fsys, s.segments.dir }

// DropIndex removes an index of a sealed file, if it is there. Who has mapped it keeps it.
func (s *Store) DropIndex(n IndexName) error {
	err := s.fsys.Remove(s.segments.indexPath(n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
