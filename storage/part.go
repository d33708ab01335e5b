package storage

import (
	"math"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// Parts are the rows and the silver of one version. They are written under their final key
// while the version is still invisible, so that a commit moves nothing.

// MaxSilverPartBytes bounds one piece of silver.
const MaxSilverPartBytes = MaxRecordBytes

// PutChunk stores a row. The same row again replaces it.
func (t *Tx) PutChunk(c lode.CollectionID, s *lode.StagedChunk) error {
	rows, err := t.shelfForWrite(c, rowsBucket)
	if err != nil {
		return err
	}
	id := s.Chunk.ID
	if id.Doc == 0 || id.Version == 0 {
		return lode.Errorf(lode.CodeInternal, "chunk %s has no document or version", id)
	}
	return putRecord(rows, kindRow, partKey(id.Doc, id.Version, id.Ordinal), s)
}

// Chunk returns one row.
func (t *Tx) Chunk(c lode.CollectionID, id lode.ChunkID) (*lode.StagedChunk, error) {
	rows, err := t.shelf(c, rowsBucket)
	if err != nil {
		return nil, err
	}
	s, err := getRecord[lode.StagedChunk](rows, kindRow, partKey(id.Doc, id.Version, id.Ordinal))
	if err == nil && s == nil {
		return nil, lode.NotFound("chunk", id)
	}
	return s, err
}

// Chunks calls fn for the rows of a version by ascending ordinal. fn may write.
func (t *Tx) Chunks(c lode.CollectionID, doc lode.DocNo, v lode.Version, fn func(*lode.StagedChunk) error) error {
	rows, err := t.shelf(c, rowsBucket)
	if err != nil {
		return err
	}
	return scanAll(rows, versionKey(doc, v), func(k, raw []byte) error {
		s := new(lode.StagedChunk)
		if err := decodeRecord(kindRow, raw, s); err != nil {
			return recordError(kindRow, k, err)
		}
		return fn(s)
	})
}

// PutSilverPart stores a piece of what [EncodeSilver] returned. Pieces are counted from 0;
// the same piece again replaces it.
func (t *Tx) PutSilverPart(c lode.CollectionID, doc lode.DocNo, v lode.Version, part int, data []byte) error {
	silver, err := t.shelfForWrite(c, silverBucket)
	if err != nil {
		return err
	}
	if part < 0 || part > math.MaxInt32 {
		return lode.Invalid("part", part, "part must be 0 to %d", math.MaxInt32)
	}
	if len(data) > MaxSilverPartBytes {
		return lode.Errorf(lode.CodeTooLarge, "a piece of silver has %d bytes, the limit is %d", len(data), MaxSilverPartBytes)
	}
	return silver.Put(partKey(doc, v, uint32(part)), seal.Seal(kindSilverPart, data))
}

// SilverParts returns the pieces of a version's silver in one, for [DecodeSilver]. Without
// any it returns [lode.CodeNotFound]; a missing piece is [lode.CodeCorrupt].
func (t *Tx) SilverParts(c lode.CollectionID, doc lode.DocNo, v lode.Version) ([]byte, error) {
	silver, err := t.shelf(c, silverBucket)
	if err != nil {
		return nil, err
	}
	var all []byte
	part := 0
	err = scanAll(silver, versionKey(doc, v), func(k, raw []byte) error {
		payload, err := seal.Open(kindSilverPart, raw)
		if err != nil {
			return recordError(kindSilverPart, k, err)
		}
		if !slices.Equal(k, partKey(doc, v, uint32(part))) {
			return recordError(kindSilverPart, k, lode.Errorf(lode.CodeCorrupt, "piece %d of the silver is missing", part))
		}
		all = append(all, payload...)
		part++
		return nil
	})
	if err == nil && part == 0 {
		return nil, lode.NotFound("silver", versionName(doc, v))
	}
	return all, err
}

// DropParts removes the rows and the silver of one version: an abandoned stage.
func (t *Tx) DropParts(c lode.CollectionID, doc lode.DocNo, v lode.Version) error {
	for _, name := range [][]byte{rowsBucket, silverBucket} {
		b, err := t.shelfForWrite(c, name)
		if err != nil {
			return err
		}
		if err := dropPrefix(b, versionKey(doc, v)); err != nil {
			return err
		}
	}
	return nil
}
