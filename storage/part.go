package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// Parts are the rows and the silver of one version. They are written where they stay, in
// the version's segment and under its epoch, while the version is still invisible: a commit
// moves nothing, and giving a stage up deletes nothing. In a growing segment a part never
// changes and never leaves, so a segment file that is newer than the catalogue, as it may be
// after a crash, holds the same as an equally old one and more; that is passed over by the
// index which each part carries, until its entry has been applied again.

// MaxSilverPartBytes bounds one piece of silver.
const MaxSilverPartBytes = MaxRecordBytes

// partHeadBytes precede every part in a growing segment: the log entry that put it, and the
// checksum of that and of the key. bbolt has none, and a part that went under another key or
// to another entry would be missed and not found damaged.
const partHeadBytes = 12

// makePart is a part as it stands in a growing segment.
func makePart(key []byte, index uint64, kind seal.Kind, payload []byte) []byte {
	b := make([]byte, 0, partHeadBytes+seal.HeaderBytes+len(payload))
	b = binary.BigEndian.AppendUint64(b, index)
	b = binary.BigEndian.AppendUint32(b, crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b))
	return seal.AppendSeal(b, kind, payload)
}

// partIndex returns the log entry that put a part; ok is false for a damaged one.
func partIndex(key, raw []byte) (index uint64, ok bool) {
	if len(raw) < partHeadBytes {
		return 0, false
	}
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, raw[:8])
	return binary.BigEndian.Uint64(raw), sum == binary.BigEndian.Uint32(raw[8:])
}

// openPart takes the head off a part; nil is none.
func openPart(key, raw []byte) ([]byte, error) {
	if raw == nil {
		return nil, nil
	}
	if _, ok := partIndex(key, raw); !ok {
		return nil, lode.Errorf(lode.CodeCorrupt, "the head of the part does not have its checksum")
	}
	return raw[partHeadBytes:], nil
}

func (t *Tx) parts(c lode.CollectionID, b bucketID, v *lode.DocVersion) bucket {
	return bucket{t, space{b, segmentKey{c, v.Segment}}}
}

// putPart stores a part, once.
func (t *Tx) putPart(c lode.CollectionID, b bucketID, v *lode.DocVersion, part uint32, kind seal.Kind, payload []byte) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	if v.Doc == 0 || v.Version == 0 || v.Segment == 0 {
		return lode.Errorf(lode.CodeInternal, "version %s has no number or no place", versionName(v.Doc, v.Version))
	}
	parts, key := t.parts(c, b, v), rowKey(v, part)
	s, err := t.segment(parts.s.segmentKey)
	if err != nil {
		return err
	}
	if !s.exists || s.Closed() {
		return lode.Errorf(lode.CodeInternal, "version %s is staged in segment %s, which is not there or closed", versionName(v.Doc, v.Version), parts.s.segmentKey)
	}
	old, err := openPart(key, parts.getOf(v.Doc, key))
	if err := errors.Join(err, t.partsErr()); err != nil {
		return err
	}
	made := makePart(key, t.entry, kind, payload)
	sealed := made[partHeadBytes:]
	if old != nil {
		if bytes.Equal(old, sealed) {
			return nil
		}
		return lode.FieldError(lode.CodeConflict, "part", part, "another one of the %s was staged already in this epoch", b)
	}
	parts.put(key, made)
	s.Bytes, s.PutAt, s.changed = s.Bytes+int64(len(sealed)), t.entry, true
	return nil
}

// PutChunk stores a row of a version that has a place. The same row again changes nothing,
// another one under its ordinal and epoch is [lode.CodeConflict].
func (t *Tx) PutChunk(c lode.CollectionID, v *lode.DocVersion, s *lode.StagedChunk) error {
	if s.Chunk.ID.Doc != v.Doc || s.Chunk.ID.Version != v.Version {
		return lode.Errorf(lode.CodeInternal, "chunk %s is none of version %s", s.Chunk.ID, versionName(v.Doc, v.Version))
	}
	return encodePayload(s, func(payload []byte) error {
		return t.putPart(c, rowsBucket, v, s.Chunk.ID.Ordinal, kindRow, payload)
	})
}

// Chunk returns one row of a version.
func (t *Tx) Chunk(c lode.CollectionID, v *lode.DocVersion, ordinal uint32) (*lode.StagedChunk, error) {
	return t.chunk(c, v, ordinal, true)
}

// ChunkText is [Tx.Chunk], but for a sealed segment without the vector, which is not read.
func (t *Tx) ChunkText(c lode.CollectionID, v *lode.DocVersion, ordinal uint32) (*lode.StagedChunk, error) {
	return t.chunk(c, v, ordinal, false)
}

func (t *Tx) chunk(c lode.CollectionID, v *lode.DocVersion, ordinal uint32, withVector bool) (*lode.StagedChunk, error) {
	missing := func() error {
		return lode.NotFound("chunk", lode.ChunkID{Doc: v.Doc, Version: v.Version, Ordinal: ordinal})
	}
	if v.Segment == 0 {
		return nil, missing()
	}
	file, err := t.sealedOf(c, v)
	if err != nil {
		return nil, err
	}
	if file != nil {
		return file.chunk(v, ordinal, withVector)
	}
	key := rowKey(v, ordinal)
	raw, err := openPart(key, t.parts(c, rowsBucket, v).get(key))
	if err := errors.Join(err, t.partsErr()); err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, missing()
	}
	s := new(lode.StagedChunk)
	if err := decodeRecord(kindRow, raw, s); err != nil {
		return nil, recordError(kindRow, key, err)
	}
	return s, nil
}

// ChunkTexts is [Tx.Chunks], but for a sealed segment without the rows' own vectors, which are
// not read.
func (t *Tx) ChunkTexts(c lode.CollectionID, v *lode.DocVersion, fn func(*lode.StagedChunk) error) error {
	if v.Segment == 0 {
		return nil
	}
	file, err := t.sealedOf(c, v)
	if err != nil {
		return err
	}
	if file == nil {
		return t.Chunks(c, v, fn)
	}
	return file.eachRow(v, file.textRow, fn)
}

// Chunks calls fn for the rows of a version by ascending ordinal.
func (t *Tx) Chunks(c lode.CollectionID, v *lode.DocVersion, fn func(*lode.StagedChunk) error) error {
	if v.Segment == 0 {
		return nil
	}
	file, err := t.sealedOf(c, v)
	if err != nil {
		return err
	}
	if file != nil {
		return file.chunks(v, fn)
	}
	n := 0
	err = t.parts(c, rowsBucket, v).scanAll(epochKey(v), func(k, raw []byte) error {
		raw, err := openPart(k, raw)
		if err != nil {
			return recordError(kindRow, k, err)
		}
		s := new(lode.StagedChunk)
		if err := decodeRecord(kindRow, raw, s); err != nil {
			return recordError(kindRow, k, err)
		}
		n++
		return fn(s)
	})
	if err == nil && t.failed == nil && v.State == lode.StateReady && n != v.Chunks {
		err = lode.Errorf(lode.CodeCorrupt, "version %s has %d rows, not %d", versionName(v.Doc, v.Version), n, v.Chunks)
	}
	return errors.Join(err, t.partsErr())
}

// PutSilverPart stores a piece of what [EncodeSilver] returned, of a version that has a
// place. Pieces are counted from 0; the same piece again changes nothing, another one under
// its number and epoch is [lode.CodeConflict].
func (t *Tx) PutSilverPart(c lode.CollectionID, v *lode.DocVersion, part int, data []byte) error {
	if part < 0 || part > math.MaxInt32 {
		return lode.Invalid("part", part, "part must be 0 to %d", math.MaxInt32)
	}
	if len(data) > MaxSilverPartBytes {
		return lode.Errorf(lode.CodeTooLarge, "a piece of silver has %d bytes, the limit is %d", len(data), MaxSilverPartBytes)
	}
	return t.putPart(c, silverBucket, v, uint32(part), kindSilverPart, data)
}

// SilverParts returns the pieces of a version's silver in one, for [DecodeSilver]. Without
// any it returns [lode.CodeNotFound]; a missing piece is [lode.CodeCorrupt], and so is silver that
// is not there although the version is ready and says which it has.
func (t *Tx) SilverParts(c lode.CollectionID, v *lode.DocVersion) ([]byte, error) {
	all, err := t.silverParts(c, v)
	if lode.IsCode(err, lode.CodeNotFound) && v.State == lode.StateReady && !v.Silver.IsZero() {
		return nil, lode.Errorf(lode.CodeCorrupt, "version %s has no silver", versionName(v.Doc, v.Version))
	}
	return all, err
}

func (t *Tx) silverParts(c lode.CollectionID, v *lode.DocVersion) ([]byte, error) {
	missing := lode.NotFound("silver", versionName(v.Doc, v.Version))
	if v.Segment == 0 {
		return nil, missing
	}
	file, err := t.sealedOf(c, v)
	if err != nil {
		return nil, err
	}
	if file != nil {
		return file.silver(v)
	}
	var all []byte
	part := 0
	err = t.parts(c, silverBucket, v).scanAll(epochKey(v), func(k, raw []byte) error {
		raw, err := openPart(k, raw)
		if err != nil {
			return recordError(kindSilverPart, k, err)
		}
		payload, err := seal.Open(kindSilverPart, raw)
		if err != nil {
			return recordError(kindSilverPart, k, err)
		}
		if !slices.Equal(k, rowKey(v, uint32(part))) {
			return recordError(kindSilverPart, k, lode.Errorf(lode.CodeCorrupt, "piece %d of the silver is missing", part))
		}
		all = append(all, payload...)
		part++
		return nil
	})
	if err := errors.Join(err, t.partsErr()); err != nil {
		return nil, err
	}
	if part == 0 {
		return nil, missing
	}
	return all, nil
}

// DropParts gives up what is staged for a version that is not shown. The caller stores v
// afterwards, with [Tx.PutVersion], and begins a new epoch before it stages anything again.
func (t *Tx) DropParts(c lode.CollectionID, v *lode.DocVersion) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	v.Segment = 0
	return nil
}

// openParts is a growing segment as a transaction reads it.
type openParts struct {
	file *handle[segmentKey, base] // nil: there is none
	tx   baseTx
}

func (p *openParts) end() {
	if p.tx != nil {
		p.tx.end()
	}
	if p.file != nil {
		p.file.release()
	}
}

// growing returns the state of a growing segment's file, nil when there is none. An error is
// kept for partsErr.
func (t *Tx) growing(k segmentKey) baseTx {
	p := t.openedParts[k]
	if p == nil {
		p = &openParts{}
		if t.openedParts == nil {
			t.openedParts = map[segmentKey]*openParts{}
		}
		t.openedParts[k] = p
		if err := t.openGrowing(k, p); err != nil {
			t.failed = errors.Join(t.failed, fmt.Errorf("open growing segment %s: %w", k, err))
		}
	}
	return p.tx
}

func (t *Tx) openGrowing(k segmentKey, p *openParts) (err error) {
	if t.store == nil {
		return lode.Errorf(lode.CodeInternal, "there is no data folder")
	}
	flushed, r, err := t.flushedSegment(k)
	if err != nil {
		return err
	}
	p.file, err = t.store.segments.growing.get(k)
	if errors.Is(err, fs.ErrNotExist) {
		if r != nil && r.PutAt > 0 && r.hasGrowing() {
			return lode.Errorf(lode.CodeCorrupt, "the file is missing: %w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	tx, err := p.file.value.begin()
	if err != nil {
		return err
	}
	p.tx = &partsTx{baseTx: tx, upTo: flushed.Index}
	if at, err := tx.applied(); err != nil || r != nil && at.Index < r.PutAt {
		return errors.Join(err, lode.Errorf(lode.CodeCorrupt, "the file ends at log entry %d and is older than the catalogue", at.Index))
	}
	return nil
}

// flushedSegment returns what the catalogue's file says about a segment, nil when it does
// not know it, and where that file ends.
func (t *Tx) flushedSegment(k segmentKey) (at Applied, r *Segment, err error) {
	if at, err = t.catalog.applied(); err != nil {
		return at, nil, err
	}
	files := &Tx{catalog: t.catalog}
	r, err = getRecord[Segment](bucket{files, space{segmentsBucket, segmentKey{collection: k.collection}}}, kindSegment, segmentNoKey(k.segment))
	return at, r, err
}

// partsTx is a growing segment as of the moment of the catalogue's file: what comes from
// later entries is in the layers, or it is still to be applied again after a crash.
type partsTx struct {
	baseTx
	upTo uint64
}

func (p *partsTx) visible(key, raw []byte) bool {
	index, ok := partIndex(key, raw)
	return !ok || index <= p.upTo // damage is to be seen
}

func (p *partsTx) get(s space, key []byte) []byte {
	if raw := p.baseTx.get(s, key); raw != nil && p.visible(key, raw) {
		return raw
	}
	return nil
}

func (p *partsTx) cursor(s space) baseCursor { return &partsCursor{p.baseTx.cursor(s), p} }

type partsCursor struct {
	in baseCursor
	tx *partsTx
}

func (c *partsCursor) seek(key []byte) (k, v []byte) { return c.visible(c.in.seek(key)) }
func (c *partsCursor) next() (k, v []byte)           { return c.visible(c.in.next()) }

func (c *partsCursor) visible(k, v []byte) ([]byte, []byte) {
	for k != nil && !c.tx.visible(k, v) {
		k, v = c.in.next()
	}
	return k, v
}

// partsErr returns why growing segments cannot be read.
func (t *Tx) partsErr() error { return t.failed }

// sealedOf returns the sealed file that holds the parts of a version, nil when they are in a
// growing one.
func (t *Tx) sealedOf(c lode.CollectionID, v *lode.DocVersion) (*sealedFile, error) {
	k, s, err := t.home(segmentKey{c, v.Segment})
	if err != nil {
		return nil, err
	}
	if s.State != SegmentSealed {
		return nil, nil
	}
	if h := t.sealed[s.Hash]; h != nil {
		return h.value, nil
	}
	if t.store == nil {
		return nil, lode.Errorf(lode.CodeInternal, "open sealed segment %s: there is no data folder", k)
	}
	h, err := t.store.segments.open(k, s.Hash)
	if err != nil {
		return nil, err
	}
	t.keepSealed(h)
	return h.value, nil
}

// keepSealed holds an open file until the transaction ends.
func (t *Tx) keepSealed(h *handle[lode.Hash, *sealedFile]) {
	if t.sealed[h.key] != nil {
		h.release() // held already
		return
	}
	if t.sealed == nil {
		t.sealed = map[lode.Hash]*handle[lode.Hash, *sealedFile]{}
	}
	t.sealed[h.key] = h
}

// open opens the sealed file of a segment. The handle must be released.
func (f *segmentFiles) open(k segmentKey, hash lode.Hash) (*handle[lode.Hash, *sealedFile], error) {
	h, err := f.sealed.get(hash)
	if err == nil && (h.value.dir.Collection != k.collection || h.value.dir.Segment != k.segment) {
		err = lode.Errorf(lode.CodeCorrupt, "the file is %s", h.value)
		h.release()
	}
	if err != nil {
		return nil, errSegmentFile(k, err)
	}
	return h, nil
}

func errSegmentFile(k segmentKey, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = lode.Errorf(lode.CodeCorrupt, "the file is missing: %w", err).WithHint("run lode repair, or restore the node from a backup")
	}
	return fmt.Errorf("sealed segment %s: %w", k, err)
}
