package storage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// rowBlockBytes is about how much rows one block holds.
const rowBlockBytes = 32 << 10

// Built is a sealed segment that was built.
type Built struct {
	Hash  lode.Hash
	Bytes int64
	Rows  int
}

// BuildSegment writes the sealed file of a closed segment from what was staged in it, or of a
// merging one from its inputs. On
// return it is durable under its hash. Every node that applied the same log makes the same
// bytes, whenever it does; doing it twice does no harm. The file stays until [Tx.PutSealed]
// has named it and the segment is gone again, or release is called. A segment that is
// already sealed, gone or not closed is [lode.CodeConflict].
func (s *Store) BuildSegment(ctx context.Context, c lode.CollectionID, id lode.SegmentID) (b Built, release func(), err error) {
	k := segmentKey{c, id}
	yield, end := s.options.Pace(ctx)
	defer end()
	err = s.View(func(t *Tx) error {
		b, release, err = t.build(ctx, k, yield)
		return err
	})
	if err != nil {
		return Built{}, nil, fmt.Errorf("build segment %s: %w", k, err)
	}
	return b, release, nil
}

// build is BuildSegment within a transaction.
func (t *Tx) build(ctx context.Context, k segmentKey, yield func()) (b Built, release func(), err error) {
	members, dim, err := t.membersToBuild(k)
	if err != nil {
		return b, nil, err
	}
	files := t.store.segments
	file, err := vfs.CreateAtomicIn(files.fsys, files.dir, filepath.Join(files.dir, "building"+sealedSuffix))
	if err != nil {
		return b, nil, err
	}
	defer file.Abort()
	w := &segmentWriter{ctx: ctx, yield: yield, t: t, k: k, file: file, sum: sha256.New(), members: members}
	w.dir = directory{Version: sealedVersion, Collection: k.collection, Segment: k.segment, Dim: dim}
	if err := w.write(); err != nil {
		return b, nil, err
	}
	b = Built{Hash: lode.Hash(w.sum.Sum(nil)), Bytes: w.offset, Rows: w.dir.Rows}
	release = files.pin(b.Hash) // before the file has its name
	if err := file.CommitAs(files.sealedPath(b.Hash)); err != nil {
		release()
		return b, nil, err
	}
	files.noteBuilt(b.Hash)
	return b, release, nil
}

// ensureBuilt sees that the sealed file of a closed segment is here. A node that has not
// built it yet, or applies an old log, does it now: afterwards nobody could tell which
// versions belong in it. Another hash means that this node does not hold what others hold.
func (t *Tx) ensureBuilt(k segmentKey, hash lode.Hash) error {
	files := t.store.segments
	t.pins = append(t.pins, files.pin(hash)) // until the catalogue names it, or will not
	if files.wasBuilt(hash) {
		return nil
	}
	// What is there may be of an earlier process, damaged, or under a name that is not durable.
	switch err := verifyFile(context.Background(), files.fsys, files.sealedPath(hash), hash); {
	case err == nil:
		return files.fsys.SyncDir(files.dir)
	case !errors.Is(err, fs.ErrNotExist) && !lode.IsCode(err, lode.CodeCorrupt):
		return err
	}
	b, release, err := t.build(context.Background(), k, unpaced)
	if err != nil {
		return fmt.Errorf("build segment %s: %w", k, err)
	}
	defer release()
	if b.Hash != hash {
		return lode.Errorf(lode.CodeCorrupt, "segment %s has hash %s on this node and %s in the log", k, b.Hash, hash).
			WithHint("this node has diverged: let it rejoin with an empty folder")
	}
	return nil
}

// member is a version of a segment that is being built.
type member struct {
	versionEntry
	from    lode.SegmentID // where its rows are read
	dropped uint64         // the log entry that dropped it since the segment was closed, 0 for none
}

// asVersion is as much of a version as reading its parts takes; its record may be gone.
func (m *member) asVersion() *lode.DocVersion { return m.versionEntry.asVersion(m.from) }

// membersToBuild returns what goes into the sealed file, in the order of rows. It is the same
// at any time after the segment was closed.
func (t *Tx) membersToBuild(k segmentKey) (members []member, dim int, err error) {
	s, err := t.segment(k)
	if err != nil {
		return nil, 0, err
	}
	if !s.exists || !s.awaitsFile() {
		return nil, 0, lode.Errorf(lode.CodeConflict, "segment %s is not waiting to be sealed", k)
	}
	collection, err := t.Collection(k.collection)
	if err != nil {
		return nil, 0, err
	}
	sources := []lode.SegmentID{k.segment}
	if s.State == SegmentMerging {
		// What was dropped since stands under the merging segment.
		leaves, err := t.leaves(k.collection, s.Inputs)
		if err != nil {
			return nil, 0, err
		}
		sources = append(sources, leaves...)
	}
	for _, source := range sources {
		if members, err = t.appendMembers(members, segmentKey{k.collection, source}); err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.firstRow, b.firstRow), cmp.Compare(a.doc, b.doc), cmp.Compare(a.version, b.version))
	})
	return members, collection.Dim, nil
}

func (t *Tx) appendMembers(members []member, k segmentKey) ([]member, error) {
	b := bucket{t, space{membersBucket, segmentKey{collection: k.collection}}}
	err := b.scanAll(segmentNoKey(k.segment), func(key, raw []byte) error {
		var r memberRecord
		if err := decodeRecord(kindMember, raw, &r); err != nil {
			return recordError(kindMember, key, err)
		}
		if r.Rows < 0 || r.Rows > math.MaxInt32 {
			return recordError(kindMember, key, lode.Errorf(lode.CodeCorrupt, "it has %d rows", r.Rows))
		}
		m := member{from: cmp.Or(r.From, k.segment), dropped: r.Dropped}
		_, m.doc, m.version = parseMemberKey(key)
		m.epoch, m.firstRow, m.rows = r.Epoch, r.FirstRow, uint32(r.Rows)
		members = append(members, m)
		return nil
	})
	return members, err
}

// segmentWriter writes one sealed file.
type segmentWriter struct {
	ctx     context.Context
	yield   func()
	t       *Tx
	k       segmentKey
	file    *vfs.AtomicFile
	sum     hash.Hash
	offset  int64
	members []member
	dir     directory
}

func (w *segmentWriter) put(b []byte) error {
	if _, err := w.file.Write(b); err != nil {
		return err
	}
	w.sum.Write(b)
	w.offset += int64(len(b))
	return nil
}

func (w *segmentWriter) write() error {
	head := make([]byte, sealedHeadBytes)
	copy(head, sealedMagic)
	binary.LittleEndian.PutUint32(head[8:], sealedVersion)
	if err := w.put(head); err != nil {
		return err
	}
	for _, step := range []func() error{w.vectors, w.rows, w.silver, w.finish} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// vectors writes all vectors, one behind the other.
func (w *segmentWriter) vectors() error {
	block := make([]byte, 0, vectorBlockBytes+4*w.dir.Dim)
	flush := func(n int) error {
		w.dir.VectorSums = binary.LittleEndian.AppendUint32(w.dir.VectorSums, crc32.Checksum(block[:n], castagnoli))
		if err := w.put(block[:n]); err != nil {
			return err
		}
		block = append(block[:0], block[n:]...)
		return w.ctx.Err()
	}
	for i := range w.members {
		w.breathe(i)
		m, rows := &w.members[i], uint32(0)
		m.first = uint32(w.dir.Rows)
		err := w.t.Chunks(w.k.collection, m.asVersion(), func(s *lode.StagedChunk) error {
			if len(s.Vector) != 4*w.dir.Dim || s.Chunk.ID.Ordinal != rows {
				return lode.Errorf(lode.CodeCorrupt, "row %s has %d bytes of vector, or one before it is missing", s.Chunk.ID, len(s.Vector))
			}
			rows++
			w.dir.Rows++
			for block = append(block, s.Vector...); len(block) >= vectorBlockBytes; {
				if err := flush(vectorBlockBytes); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && (rows != m.rows || w.dir.Rows > math.MaxInt32) {
			err = lode.Errorf(lode.CodeCorrupt, "version %s has %d rows, not %d", versionName(m.doc, m.version), rows, m.rows)
		}
		if err != nil {
			return err
		}
	}
	if len(block) == 0 {
		return nil
	}
	return flush(len(block))
}

// breathe lets others run, now and then, in work that may take its time: a goroutine that is due
// would wait for a whole slice of the CPU.
func breathe(i int) {
	if i%64 == 0 {
		runtime.Gosched()
	}
}

func (w *segmentWriter) breathe(i int) {
	if i%64 == 0 {
		w.yield()
		runtime.Gosched()
	}
}

// rows writes everything of the rows but their own vectors.
func (w *segmentWriter) rows() error {
	var rows [][]byte
	first, size, n := 0, 0, 0
	flush := func() error {
		sealed := seal.Seal(kindRowBlock, joinRows(rows))
		w.dir.Blocks = binary.LittleEndian.AppendUint64(w.dir.Blocks, uint64(w.offset))
		w.dir.Blocks = binary.LittleEndian.AppendUint32(w.dir.Blocks, uint32(len(sealed)))
		w.dir.Blocks = binary.LittleEndian.AppendUint32(w.dir.Blocks, uint32(first))
		rows, size, first = rows[:0], 0, n
		if err := w.put(sealed); err != nil {
			return err
		}
		return w.ctx.Err()
	}
	for i := range w.members {
		w.breathe(i)
		err := w.t.Chunks(w.k.collection, w.members[i].asVersion(), func(s *lode.StagedChunk) error {
			row, err := makeSealedRow(s)
			if err != nil {
				return err
			}
			rows, n = append(rows, row), n+1
			if size += len(row); size < rowBlockBytes {
				return nil
			}
			return flush()
		})
		if err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return flush()
}

// silver writes the encoded silver of each version that has one.
func (w *segmentWriter) silver() error {
	for i := range w.members {
		w.breathe(i)
		m := &w.members[i]
		data, err := w.t.SilverParts(w.k.collection, m.asVersion())
		if lode.IsCode(err, lode.CodeNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		sealed := seal.Seal(kindSilver, data)
		m.silverOffset, m.silverBytes = uint64(w.offset), uint32(len(sealed))
		if err := w.put(sealed); err != nil {
			return err
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// finish writes directory and foot.
func (w *segmentWriter) finish() error {
	slices.SortFunc(w.members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.doc, b.doc), cmp.Compare(a.version, b.version))
	})
	for i := range w.members {
		w.dir.Versions = w.members[i].pack(w.dir.Versions)
	}
	payload, err := encMode.Marshal(&w.dir)
	if err != nil {
		return err
	}
	if len(payload) > maxDirectoryBytes-seal.HeaderBytes {
		return lode.Errorf(lode.CodeTooLarge, "the directory has %d bytes, the limit is %d", len(payload), maxDirectoryBytes)
	}
	offset, sealed := w.offset, seal.Seal(kindDirectory, payload)
	if err := w.put(sealed); err != nil {
		return err
	}
	foot := binary.LittleEndian.AppendUint64(nil, uint64(offset))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(len(sealed)))
	foot = append(foot, footMagic...)
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(foot, castagnoli))
	return w.put(append(foot, 0, 0, 0, 0))
}
