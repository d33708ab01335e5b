package storage

import (
	"bytes"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
)

// Tx is a transaction: everything it reads is of one moment, everything it writes happens
// together or not at all. Methods that write may be called in [Store.Update] only. What
// methods return was decoded into fresh memory and may be kept. A Tx belongs to one
// goroutine and ends with the function it was given to.
type Tx struct {
	bolt  *bolt.Tx
	at    Applied
	idKey []byte // of the cluster, once read
}

// At returns the log position of the state that t sees: in Update that of the entry being
// applied, in View that of the last one applied.
func (t *Tx) At() Applied { return t.at }

// needWrite refuses to write in a read transaction.
func (t *Tx) needWrite() error {
	if !t.bolt.Writable() {
		return lode.Errorf(lode.CodeInternal, "storage: write in a read transaction")
	}
	return nil
}

// top returns a top-level bucket. Open has seen that all of them exist.
func (t *Tx) top(name []byte) *bolt.Bucket { return t.bolt.Bucket(name) }

// shelf returns one of a collection's buckets.
func (t *Tx) shelf(c lode.CollectionID, name []byte) (*bolt.Bucket, error) {
	shelf := t.top(dataBucket).Bucket(collectionKey(c))
	if shelf == nil {
		return nil, lode.NotFound("collection", c)
	}
	b := shelf.Bucket(name)
	if b == nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "collection %d has no bucket %s", c, name)
	}
	b.FillPercent = 0.9 // keys ascend nearly always
	return b, nil
}

// shelfForWrite is shelf for methods that write.
func (t *Tx) shelfForWrite(c lode.CollectionID, name []byte) (*bolt.Bucket, error) {
	if err := t.needWrite(); err != nil {
		return nil, err
	}
	return t.shelf(c, name)
}

// scan calls fn for each key with the prefix, in order, from start on, until fn returns
// false. k and v are valid during the call only; fn may write to the bucket.
func scan(b *bolt.Bucket, prefix, start []byte, fn func(k, v []byte) (more bool, err error)) error {
	c := b.Cursor()
	k, v := c.Seek(start)
	for k != nil && bytes.HasPrefix(k, prefix) {
		var here []byte
		if b.Writable() {
			here = slices.Clone(k)
		}
		more, err := fn(k, v)
		if err != nil || !more {
			return err
		}
		if here == nil {
			k, v = c.Next()
			continue
		}
		// fn may have moved what the cursor stands on.
		if k, v = c.Seek(here); bytes.Equal(k, here) {
			k, v = c.Next()
		}
	}
	return nil
}

// scanAll is scan over all keys with the prefix.
func scanAll(b *bolt.Bucket, prefix []byte, fn func(k, v []byte) error) error {
	return scan(b, prefix, prefix, func(k, v []byte) (bool, error) { return true, fn(k, v) })
}

// dropPrefix deletes every key with the prefix.
func dropPrefix(b *bolt.Bucket, prefix []byte) error {
	return scanAll(b, prefix, func(k, _ []byte) error { return b.Delete(slices.Clone(k)) })
}

// next gives out n numbers of a counter and returns the first. Numbers begin with 1 and are
// never given out twice.
func next(b *bolt.Bucket, key []byte, n uint64) (first uint64, err error) {
	counter, err := getRecord[counterRecord](b, kindCounter, key)
	if err != nil {
		return 0, err
	}
	if counter == nil {
		counter = &counterRecord{}
	}
	first = counter.Last + 1
	if counter.Last+n < counter.Last || first == 0 {
		return 0, lode.Errorf(lode.CodeInternal, "counter %s is used up", key)
	}
	counter.Last += n
	return first, putRecord(b, kindCounter, key, counter)
}
