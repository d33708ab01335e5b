package storage

import (
	"bytes"
	"slices"

	"github.com/lodedb/lode"
)

// Tx is a transaction: everything it reads is of one moment, everything it writes happens
// together or not at all. Methods that write may be called in [Store.Update] only. What
// methods return was decoded into fresh memory and may be kept. A Tx belongs to one
// goroutine and ends with the function it was given to.
type Tx struct {
	store       *Store // nil over a catalogue file alone, where rows cannot be read
	at          Applied
	entry       uint64   // the log entry that is being applied
	edit        *layer   // nil in a view
	layers      []*layer // newest first, edit included
	catalog     baseTx
	epoch       *epoch                    // keeps the files of this moment
	openedParts map[segmentKey]*openParts // growing segments that were read
	sealed      map[lode.Hash]*handle[lode.Hash, *sealedFile]
	failed      error // why growing segments could not be read
	// segments are the records of segments as they were read and changed; see segment.
	segments map[segmentKey]*segmentState
	pins     []func()          // let go of files that were built, once the update is done
	idKey    []byte            // of the cluster, once read
	known    lode.CollectionID // exists
	newDoc   lode.DocNo        // given out last, by this transaction: nothing below edit knows it
	// document remembers the one that was read last: it is often written next.
	document memo[lode.Document]
}

// At returns the log position of the state that t sees: in Update that of the entry being
// applied, in View that of the last one applied.
func (t *Tx) At() Applied { return t.at }

// SetEntry says which of a run of log entries is being applied. Entries ascend; the last one
// is the position that [Store.Update] was called with, which is also the default.
func (t *Tx) SetEntry(index uint64) { t.entry = index }

// Entry is the log entry that is being applied.
func (t *Tx) Entry() uint64 { return t.entry }

// needWrite refuses to write in a read transaction.
func (t *Tx) needWrite() error {
	if t.edit == nil {
		return lode.Errorf(lode.CodeInternal, "storage: write in a read transaction")
	}
	return nil
}

// bucket is a space within a transaction.
type bucket struct {
	t *Tx
	s space
}

// top returns a bucket that belongs to no collection.
func (t *Tx) top(b bucketID) bucket { return bucket{t, space{bucket: b}} }

// shelf returns one of a collection's buckets.
func (t *Tx) shelf(c lode.CollectionID, b bucketID) (bucket, error) {
	if t.known != c {
		if t.top(collectionsBucket).get(collectionKey(c)) == nil {
			return bucket{}, lode.NotFound("collection", c)
		}
		t.known = c
	}
	return bucket{t, space{b, segmentKey{collection: c}}}, nil
}

// shelfForWrite is shelf for methods that write.
func (t *Tx) shelfForWrite(c lode.CollectionID, b bucketID) (bucket, error) {
	if err := t.needWrite(); err != nil {
		return bucket{}, err
	}
	return t.shelf(c, b)
}

// get returns a record; it is valid during the transaction. Do not modify it.
func (b bucket) get(key []byte) []byte {
	var buf [64]byte
	full := string(b.s.appendKey(buf[:0], key))
	for _, l := range b.t.layers {
		if v, found := l.entries.Get(full); found {
			return v
		}
		if l.hides(b.s.collection) {
			return nil
		}
	}
	if base := b.t.base(b.s); base != nil {
		return base.get(b.s, key)
	}
	return nil
}

// getOf is get for a key that begins with the number of a document.
func (b bucket) getOf(doc lode.DocNo, key []byte) []byte {
	if doc != b.t.newDoc || b.t.edit == nil {
		return b.get(key)
	}
	var buf [64]byte
	v, _ := b.t.edit.entries.Get(string(b.s.appendKey(buf[:0], key)))
	return v
}

// put and delete are called after needWrite; put keeps value.
func (b bucket) put(key, value []byte) { b.t.edit.set(string(b.s.appendKey(nil, key)), value) }
func (b bucket) delete(key []byte)     { b.t.edit.set(string(b.s.appendKey(nil, key)), nil) }

// base returns where a space lies below the layers, nil when there is no such file.
func (t *Tx) base(s space) baseTx {
	if s.bucket.ofSegment() {
		return t.growing(s.segmentKey)
	}
	return t.catalog
}

// scan calls fn for each key with the prefix, in order, from start on, until fn returns
// false. k and v are valid during the call only; fn may write to the bucket.
func (b bucket) scan(prefix, start []byte, fn func(k, v []byte) (more bool, err error)) error {
	c := b.cursor()
	k, v := c.seek(start)
	for k != nil && bytes.HasPrefix(k, prefix) {
		var here []byte
		if b.t.edit != nil {
			here = append(slices.Clone(k), 0) // what comes next, also when fn writes
		}
		more, err := fn(k, v)
		if err != nil || !more {
			return err
		}
		if here == nil {
			k, v = c.next()
			continue
		}
		c = b.cursor()
		k, v = c.seek(here)
	}
	return nil
}

// scanAll is scan over all keys with the prefix.
func (b bucket) scanAll(prefix []byte, fn func(k, v []byte) error) error {
	return b.scan(prefix, prefix, func(k, v []byte) (bool, error) { return true, fn(k, v) })
}

// dropPrefix deletes every key with the prefix.
func (b bucket) dropPrefix(prefix []byte) error {
	return b.scanAll(prefix, func(k, _ []byte) error {
		b.delete(k)
		return nil
	})
}

// next gives out n numbers of a counter and returns the first. Numbers begin with 1 and are
// never given out twice.
func next(b bucket, key []byte, n uint64) (first uint64, err error) {
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

// end lets go of the files that were read.
func (t *Tx) end() {
	for _, p := range t.openedParts {
		p.end()
	}
	for _, f := range t.sealed {
		f.release()
	}
	t.catalog.end()
	if t.epoch != nil {
		t.epoch.leave()
	}
}
