package storage

import (
	"errors"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// regrow writes the file of a growing segment again that has been sealed since. That is
// possible when nothing was being staged in it: then the versions that the catalogue shows
// are all that is wanted of it, and the sealed file must have every one.
func (b *basis) regrow(ref SegmentRef) (step planStep, err error) {
	k := ref.key()
	if ref.Pending > 0 {
		return step, lode.Errorf(lode.CodeCorrupt, "%d versions were being staged in it", ref.Pending)
	}
	sealed, err := b.sealedOf(k)
	if err != nil {
		return step, err
	}
	dir, err := os.MkdirTemp("", "lode-repair-")
	if err != nil {
		return step, errors.Join(err, sealed.close())
	}
	defer func() { err = errors.Join(err, sealed.close(), os.RemoveAll(dir)) }()
	grown := &boltFiles{fsys: b.s.fsys, segments: dir}
	if err := errors.Join(grown.createGrowing(k), b.fillGrowing(grown.growingPath(k), k, sealed)); err != nil || b.DryRun {
		return step, err
	}
	final := b.s.segmentName(ref)
	step = planStep{From: final + ".repair.tmp", To: final}
	f, err := os.Open(grown.growingPath(k))
	if err != nil {
		return step, err
	}
	return step, errors.Join(copyToFile(b.s.path(step.From), f), f.Close())
}

// sealedOf finds the sealed file of a segment that the catalogue does not know yet.
func (b *basis) sealedOf(k segmentKey) (found *sealedFile, err error) {
	err = b.s.segments.each(func(_ string, hash lode.Hash, _ segmentKey) error {
		if hash.IsZero() || found != nil {
			return nil
		}
		path := b.s.segments.sealedPath(hash)
		f, err := openSealed(b.s.fsys, path)
		if err != nil {
			return nil // a damaged one is no help
		}
		if f.dir.Collection != k.collection || f.dir.Segment != k.segment || verifyFile(b.ctx, b.s.fsys, path, hash) != nil {
			return f.close()
		}
		found = f
		return nil
	})
	if found == nil && err == nil {
		err = lode.Errorf(lode.CodeCorrupt, "there is no sealed file of it")
	}
	return found, err
}

// fillGrowing writes rows and silver of every shown version of a segment.
func (b *basis) fillGrowing(path string, k segmentKey, sealed *sealedFile) error {
	return inCatalogFile(b.path, func(_ *bolt.DB, t *Tx) error {
		db, err := openBolt(path, &bolt.Options{FreelistType: bolt.FreelistMapType, PreLoadFreelist: true})
		if err != nil {
			return err
		}
		out := &boltBase{db: db, path: path}
		err = out.write(b.at, func(w baseWriter) error {
			versions := bucket{t, space{versionsBucket, segmentKey{collection: k.collection}}}
			return versions.scanAll(nil, func(key, raw []byte) error {
				v := new(lode.DocVersion)
				if err := decodeRecord(kindVersion, raw, v); err != nil || v.Segment != k.segment {
					return err
				}
				return copyVersion(w, k, v, sealed)
			})
		})
		return errors.Join(err, db.Close())
	})
}

// copyVersion puts the parts of a version as the log did. They count as put before every
// entry that is still to be applied.
func copyVersion(w baseWriter, k segmentKey, v *lode.DocVersion, sealed *sealedFile) error {
	put := func(b bucketID, part uint32, kind seal.Kind, payload []byte) error {
		key := rowKey(v, part)
		return w.put(space{b, k}, key, makePart(key, 0, kind, payload))
	}
	err := sealed.chunks(v, func(s *lode.StagedChunk) error {
		return encodePayload(s, func(payload []byte) error {
			return put(rowsBucket, s.Chunk.ID.Ordinal, kindRow, payload)
		})
	})
	if err != nil {
		return err
	}
	silver, err := sealed.silver(v)
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil
	}
	for part := uint32(0); err == nil && len(silver) > 0; part++ {
		n := min(len(silver), MaxSilverPartBytes)
		err = put(silverBucket, part, kindSilverPart, silver[:n])
		silver = silver[n:]
	}
	return err
}
