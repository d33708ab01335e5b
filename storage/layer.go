package storage

import (
	"maps"
	"slices"

	"github.com/tidwall/btree"

	"github.com/lodedb/lode"
)

// layer holds changes that are applied and not yet in the files. A published layer never
// changes; a transaction writes to a copy, which costs what it changes.
type layer struct {
	entries *btree.Map[string, []byte] // nil: deleted
	// dropped are collections of which nothing below this layer is left. Their numbers do
	// not come back.
	dropped map[lode.CollectionID]struct{}
	bytes   int64 // about what it holds in memory
	catalog int64 // the part of it that goes to the catalogue
}

// layerDegree is that of the trees of layers: a write copies a few nodes, so they are small.
const layerDegree = 8

func newLayer() *layer { return &layer{entries: btree.NewMap[string, []byte](layerDegree)} }

// entryOverhead is about what an entry takes beside key and value.
const entryOverhead = 64

func (l *layer) clone() *layer {
	return &layer{entries: l.entries.Copy(), dropped: l.dropped, bytes: l.bytes, catalog: l.catalog}
}

// hides reports whether nothing below this layer counts for a collection.
func (l *layer) hides(c lode.CollectionID) bool {
	if len(l.dropped) == 0 {
		return false
	}
	_, hidden := l.dropped[c]
	return hidden
}

// set enters a record; nil deletes it.
func (l *layer) set(key string, value []byte) {
	old, replaced := l.entries.Set(key, value)
	grown := int64(len(value) - len(old))
	if !replaced {
		grown += int64(len(key) + entryOverhead)
	}
	l.count(key, grown)
}

func (l *layer) count(key string, grown int64) {
	l.bytes += grown
	if !bucketID(key[8]).ofSegment() {
		l.catalog += grown
	}
}

// drop takes a collection out: its records of this layer and of those below.
func (l *layer) drop(c lode.CollectionID) {
	var gone []string
	first := string(space{segmentKey: segmentKey{collection: c}}.appendKey(nil, nil))
	l.entries.Ascend(first, func(k string, _ []byte) bool {
		if s, _ := parseLayerKey(k); s.collection != c {
			return false
		}
		gone = append(gone, k)
		return true
	})
	for _, k := range gone {
		old, _ := l.entries.Delete(k)
		l.count(k, -int64(len(k)+len(old)+entryOverhead))
	}
	l.dropped = maps.Clone(l.dropped)
	if l.dropped == nil {
		l.dropped = map[lode.CollectionID]struct{}{}
	}
	l.dropped[c] = struct{}{}
}

// merge puts a newer layer on top.
func (l *layer) merge(newer *layer) {
	for _, c := range newer.droppedCollections() {
		l.drop(c)
	}
	newer.entries.Scan(func(k string, v []byte) bool {
		l.set(k, v)
		return true
	})
}

// droppedCollections lists them in order.
func (l *layer) droppedCollections() []lode.CollectionID {
	return slices.Sorted(maps.Keys(l.dropped))
}

// writeCatalog writes what belongs to the catalogue to it.
func (l *layer) writeCatalog(w baseWriter) error {
	for _, c := range l.droppedCollections() {
		if err := w.drop(c); err != nil {
			return err
		}
	}
	return l.all(func(s space, key string, value []byte) error {
		if s.bucket.ofSegment() {
			return nil
		}
		return writeEntry(w, s, key, value)
	})
}

// part calls fn for the entries of a range of layer keys, in order.
func (l *layer) part(from, to string, fn func(s space, key string, value []byte) error) (err error) {
	l.entries.Ascend(from, func(k string, v []byte) bool {
		if k >= to {
			return false
		}
		s, key := parseLayerKey(k)
		err = fn(s, key, v)
		return err == nil
	})
	return err
}

// all calls fn for every entry in order.
func (l *layer) all(fn func(s space, key string, value []byte) error) (err error) {
	l.entries.Scan(func(k string, v []byte) bool {
		s, key := parseLayerKey(k)
		err = fn(s, key, v)
		return err == nil
	})
	return err
}

// segments lists the segments of which the layer holds rows or silver, in order.
func (l *layer) segments() []segmentKey {
	set := map[segmentKey]struct{}{}
	l.entries.Scan(func(k string, _ []byte) bool {
		if bucketID(k[8]).ofSegment() {
			s, _ := parseLayerKey(k)
			set[s.segmentKey] = struct{}{}
		}
		return true
	})
	return slices.SortedFunc(maps.Keys(set), compareSegments)
}
