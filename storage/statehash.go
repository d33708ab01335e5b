package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/lodedb/lode"
)

// StateHash returns a hash of the replicated state: equal on every node that applied the
// same log, also after a restart, a replay from the beginning or a restore, and whether its
// segments are sealed already or not. It reads everything.
//
// It is the SHA-256 of the buckets of the catalogue, then those of each collection by
// number: 'B', length and bytes of the name, the entries in order of key, 'E'. An entry is
// 'K', length and bytes of key and of value. Behind those of a collection come the rows and
// the silver of each version that is shown: 'V', the key of the version, each row as a CBOR
// record, then the encoded silver, with their lengths, 'E'. Lengths are u64 LE.
func (s *Store) StateHash() (h lode.Hash, err error) {
	err = s.View(func(t *Tx) error {
		h, err = t.stateHash(true)
		return err
	})
	return h, err
}

// stateHash is StateHash, without rows and silver when the catalogue is all there is.
func (t *Tx) stateHash(parts bool) (lode.Hash, error) {
	sum := sha256.New()
	for _, b := range topBuckets {
		if err := hashBucket(sum, bucket{t, space{bucket: b}}); err != nil {
			return lode.Hash{}, err
		}
	}
	err := t.top(collectionsBucket).scanAll(nil, func(k, _ []byte) error {
		c := lode.CollectionID(parseDocumentKey(k))
		for _, b := range shelfBuckets {
			if err := hashBucket(sum, bucket{t, space{b, segmentKey{collection: c}}}); err != nil {
				return err
			}
		}
		if !parts {
			return nil
		}
		return t.hashParts(sum, c)
	})
	return lode.Hash(sum.Sum(nil)), err
}

func hashBucket(h hash.Hash, b bucket) error {
	h.Write([]byte{'B'})
	hashBytes(h, []byte(b.s.bucket.String()))
	err := b.scanAll(nil, func(k, v []byte) error {
		h.Write([]byte{'K'})
		hashBytes(h, k)
		hashBytes(h, v)
		return nil
	})
	h.Write([]byte{'E'})
	return err
}

// hashParts hashes rows and silver of the versions that are shown.
func (t *Tx) hashParts(h hash.Hash, c lode.CollectionID) error {
	versions := bucket{t, space{versionsBucket, segmentKey{collection: c}}}
	return versions.scanAll(nil, func(k, raw []byte) error {
		v := new(lode.DocVersion)
		if err := decodeRecord(kindVersion, raw, v); err != nil {
			return recordError(kindVersion, k, err)
		}
		if v.State != lode.StateReady {
			return nil
		}
		h.Write([]byte{'V'})
		hashBytes(h, k)
		err := t.Chunks(c, v, func(s *lode.StagedChunk) error {
			b, err := encMode.Marshal(s)
			hashBytes(h, b)
			return err
		})
		if err != nil {
			return err
		}
		silver, err := t.SilverParts(c, v)
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			return err
		}
		hashBytes(h, silver)
		h.Write([]byte{'E'})
		return nil
	})
}

func hashBytes(h hash.Hash, b []byte) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
	h.Write(n[:])
	h.Write(b)
}
