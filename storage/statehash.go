package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
)

// StateHash returns a hash of the replicated state: equal on every node that applied the
// same log, also after a restart, a replay from the beginning or a restore. It walks the
// whole catalogue.
//
// It is the SHA-256 of each replicated bucket, in order of name: 'B', length and bytes of
// the name, its entries in order of key, 'E'. An entry is 'K', length and bytes of key and
// of value, or a bucket in turn. Lengths are u64 LE.
func (s *Store) StateHash() (h lode.Hash, err error) {
	err = s.View(func(t *Tx) error {
		h, err = stateHash(t.bolt)
		return err
	})
	return h, err
}

func stateHash(tx *bolt.Tx) (lode.Hash, error) {
	sum := sha256.New()
	err := tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		if bytes.Equal(name, localBucket) {
			return nil
		}
		return hashBucket(sum, name, b)
	})
	return lode.Hash(sum.Sum(nil)), err
}

func hashBucket(h hash.Hash, name []byte, b *bolt.Bucket) error {
	h.Write([]byte{'B'})
	hashBytes(h, name)
	err := b.ForEach(func(k, v []byte) error {
		if v == nil {
			return hashBucket(h, k, b.Bucket(k))
		}
		h.Write([]byte{'K'})
		hashBytes(h, k)
		hashBytes(h, v)
		return nil
	})
	h.Write([]byte{'E'})
	return err
}

func hashBytes(h hash.Hash, b []byte) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
	h.Write(n[:])
	h.Write(b)
}
