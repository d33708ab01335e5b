package storage

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/lodedb/lode"
)

// walk calls fn for every record of a bucket that decodes.
func walk[T any](c *checker, b bucket, fn func(k []byte, v *T)) {
	f := forms[b.s.bucket]
	_ = b.scanAll(nil, func(k, raw []byte) error {
		if f.check(k, raw) == nil {
			v := new(T)
			if decodeRecord(f.kind, raw, v) == nil {
				fn(k, v)
			}
		}
		return c.ctx.Err()
	})
}

// find is getRecord for checks: what does not decode is not there.
func find[T any](b bucket, key []byte) *T {
	f := forms[b.s.bucket]
	raw := b.get(key)
	if raw == nil || f.check(key, raw) != nil {
		return nil
	}
	v := new(T)
	if decodeRecord(f.kind, raw, v) != nil {
		return nil
	}
	return v
}

// collections checks names and buckets against collections, both ways, and each collection.
func (c *checker) collections() {
	idKey, err := c.tx.lookup()
	if err != nil {
		return
	}
	last := c.counter(c.tx.top(clusterBucket), lastCollectionKey)
	walk(c, c.tx.top(collectionsBucket), func(k []byte, col *lode.Collection) {
		where := fmt.Sprintf("collection %d", col.ID)
		if !bytes.Equal(k, collectionKey(col.ID)) {
			c.breach(where, "stands under key %x", k)
			return
		}
		if uint64(col.ID) > last {
			c.breach(where, "has a number that was not given out; the last is %d", last)
		}
		if n := find[nameRecord](c.tx.top(namesBucket), nameKey(idKey, col.Name)); n == nil || n.ID != col.ID || n.Name != col.Name {
			c.breach(where, "cannot be found by its name")
		}
		c.collection(where, col)
	})
	walk(c, c.tx.top(namesBucket), func(k []byte, n *nameRecord) {
		col := find[lode.Collection](c.tx.top(collectionsBucket), collectionKey(n.ID))
		if col == nil || col.Name != n.Name || !bytes.Equal(k, nameKey(idKey, n.Name)) {
			c.breach(fmt.Sprintf("names/%x", k), "leads to collection %d, which does not have that name", n.ID)
		}
	})
}

func (c *checker) counter(b bucket, key []byte) uint64 {
	r, err := getRecord[counterRecord](b, kindCounter, key)
	if err != nil || r == nil {
		return 0
	}
	return r.Last
}

// shelfCheck is the check of one collection.
type shelfCheck struct {
	*checker
	where string
	col   *lode.Collection
	rows  []rowRange
	// held counts what versions say about the segments that they name.
	held map[lode.SegmentID]*Segment
	kept map[keptVersion]*lode.Document // for the history, by what it says of the document
}

// rowRange are the rows of one searchable version.
type rowRange struct {
	first lode.RowID
	count int
	where string
}

func (c *checker) collection(where string, col *lode.Collection) {
	s := &shelfCheck{checker: c, where: where, col: col, held: map[lode.SegmentID]*Segment{}, kept: map[keptVersion]*lode.Document{}}
	s.weights()
	s.past()
	s.documents()
	s.ids()
	s.versions()
	s.quarantine()
	s.segments()
	s.evaluations()
	s.feedback()
	s.rowNumbers()
}

// weights compares the words' weights with the hash that the settings name.
func (s *shelfCheck) weights() {
	has := ""
	r, err := getRecord[weightsRecord](s.bucket(modelBucket), kindWeights, weightsKey)
	if err != nil {
		return // reported with the records
	}
	if r != nil {
		has = lode.HashOf(r.Data).String()
	}
	if want := s.col.Embedder.Weights; has != want {
		s.breach(s.where, "has weights %q of words, its settings name %q", has, want)
	}
}

func (s *shelfCheck) at(format string, args ...any) string {
	return s.where + ", " + fmt.Sprintf(format, args...)
}

func (s *shelfCheck) bucket(b bucketID) bucket {
	return bucket{s.tx, space{b, segmentKey{collection: s.col.ID}}}
}

func (s *shelfCheck) document(no lode.DocNo) *lode.Document {
	return find[lode.Document](s.bucket(documentsBucket), documentKey(no))
}

func (s *shelfCheck) version(doc lode.DocNo, v lode.Version) *lode.DocVersion {
	return find[lode.DocVersion](s.bucket(versionsBucket), versionKey(doc, v))
}

func (s *shelfCheck) documents() {
	last := s.counter(s.tx.top(clusterBucket), lastDocumentKey)
	walk(s.checker, s.bucket(documentsBucket), func(k []byte, d *lode.Document) {
		where := s.at("document %d", d.No)
		if !bytes.Equal(k, documentKey(d.No)) || d.Collection != s.col.ID || wordFor(d.Kind) == "" {
			s.breach(where, "stands under key %x, says collection %d and kind %d", k, d.Collection, d.Kind)
			return
		}
		if uint64(d.No) > last {
			s.breach(where, "has a number that was not given out; the last is %d", last)
		}
		id := find[outsideIDRecord](s.bucket(idsBucket), s.idKeyOf(d.Kind, d.ID))
		if id == nil || id.No != d.No || id.ID != d.ID || id.Kind != d.Kind {
			s.breach(where, "cannot be found by its id")
		}
		s.documentVersions(where, d)
	})
}

func (s *shelfCheck) idKeyOf(kind lode.Kind, id lode.DocID) []byte {
	idKey, _ := s.tx.lookup()
	return outsideIDKey(idKey, s.col.ID, kind, id)
}

// documentVersions checks what a document says about its versions.
func (s *shelfCheck) documentVersions(where string, d *lode.Document) {
	newest := s.version(d.No, d.Newest)
	if newest == nil {
		s.breach(where, "has no version %d, its newest", d.Newest)
		return
	}
	if d.Current != 0 {
		current := s.version(d.No, d.Current)
		if d.Current > d.Newest || current == nil || current.State != lode.StateReady {
			s.breach(where, "shows version %d, which is not ready", d.Current)
		}
	}
	noted := s.bucket(quarantineBucket).get(documentKey(d.No)) != nil
	if failed := newest.State == lode.StateQuarantined; failed != noted {
		s.breach(where, "is %s and noted in quarantine: %t", newest.State, noted)
	}
}

func (s *shelfCheck) ids() {
	walk(s.checker, s.bucket(idsBucket), func(k []byte, r *outsideIDRecord) {
		d := s.document(r.No)
		if d == nil || d.ID != r.ID || d.Kind != r.Kind || !bytes.Equal(k, s.idKeyOf(r.Kind, r.ID)) {
			s.breach(s.at("ids/%x", k), "leads to document %d, which does not have that id", r.No)
		}
	})
}

func (s *shelfCheck) quarantine() {
	_ = s.bucket(quarantineBucket).scanAll(nil, func(k, _ []byte) error {
		if len(k) == numberKeyBytes && s.document(parseDocumentKey(k)) == nil {
			s.breach(s.at("quarantine"), "notes document %d, which does not exist", parseDocumentKey(k))
		}
		return s.ctx.Err()
	})
}

// rowNumbers finds rows that two versions claim, and rows that were not given out.
func (s *shelfCheck) rowNumbers() {
	last := s.counter(s.bucket(countersBucket), lastRowKey)
	slices.SortFunc(s.rows, func(a, b rowRange) int { return cmp.Compare(a.first, b.first) })
	var end lode.RowID
	for _, r := range s.rows {
		if r.first == 0 || uint64(r.first)+uint64(r.count)-1 > last {
			s.breach(r.where, "has rows from %d that were not given out; the last is %d", r.first, last)
		}
		if r.first < end {
			s.breach(r.where, "has row %d, which another version has too", r.first)
		}
		end = max(end, r.first+lode.RowID(r.count))
	}
}
