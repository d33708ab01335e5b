package payload

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/lodedb/lode"
)

// Reader is a principal prepared for blocks. It never changes.
type Reader struct {
	principal lode.Principal
	labels    []string // sorted, once each
	key       cacheKey
}

// NewReader prepares a principal. Whether it may ask at all is the caller's to say.
func NewReader(p lode.Principal) *Reader {
	labels := slices.Clone(p.Labels)
	slices.Sort(labels)
	p.Labels = slices.Compact(labels)
	return &Reader{principal: p, labels: p.Labels, key: labelsKey(p.Labels)}
}

func labelsKey(labels []string) cacheKey {
	var b []byte
	for _, label := range labels {
		b = binary.AppendUvarint(b, uint64(len(label)))
		b = append(b, label...)
	}
	return sha256.Sum256(b)
}

// maySee is the rule that the index must agree with.
func (r *Reader) maySee(d *lode.Document, waiting []string) bool {
	return r.principal.MaySee(d.Readers) && r.principal.MaySee(waiting)
}

// access is who may see the documents of a core.
type access struct {
	readers labels
	waiting labels
}

// labels is who may pass one of the two lists of labels that a document has.
type labels struct {
	open  Rows // documents whose list is empty: everyone passes
	texts      // the labels of the others
}

func (c *core) accessIndex() *access {
	return c.access.get(func() *access {
		return &access{
			readers: c.labelsOf(func(e *entry) []string { return e.doc.Readers }),
			waiting: c.labelsOf(func(e *entry) []string { return c.waiting[e.first] }),
		}
	})
}

func (c *core) labelsOf(list func(*entry) []string) labels {
	var l labels
	var b textBuilder
	for i := range c.docs {
		e := &c.docs[i]
		readers := list(e)
		if len(readers) == 0 {
			l.open.Set(int(e.first))
		}
		for _, label := range readers {
			b.add(label, e.first)
		}
	}
	l.texts = b.texts()
	return l
}

// see sets into to the rows that the reader may see.
func (c *core) see(r *Reader, into *Rows) {
	if r.principal.SeesAll() {
		c.all(into)
		return
	}
	if c.direct() {
		c.seeDirect(r, into)
		return
	}
	a := c.accessIndex()
	if len(a.readers.list)+len(a.waiting.list) == 0 {
		c.all(into)
		return
	}
	cached := len(c.docs) >= cacheDocs
	if cached && c.visible.get(&r.key, into) {
		return
	}
	a.readers.pass(r, into)
	if len(a.waiting.list) > 0 {
		var waiting Rows
		a.waiting.pass(r, &waiting)
		into.And(&waiting)
	}
	c.expand(into)
	if cached {
		c.visible.put(&r.key, into)
	}
}

// seeDirect is see by the rule itself.
func (c *core) seeDirect(r *Reader, into *Rows) {
	*into = Rows{}
	for i := range c.docs {
		e := &c.docs[i]
		if r.maySee(e.doc, c.waiting[e.first]) {
			into.SetRange(int(e.first), int(e.first)+int(e.rows))
		}
	}
}

// pass sets into to the heads that the reader's labels open. It looks up the shorter of the
// two lists of labels in the longer.
func (l *labels) pass(r *Reader, into *Rows) {
	*into = l.open
	if len(r.labels) <= len(l.list) {
		for _, label := range r.labels {
			l.equal(label, into)
		}
		return
	}
	for i, label := range l.list {
		if _, held := slices.BinarySearch(r.labels, label); held {
			l.or(i, i+1, into)
		}
	}
}

func (a *access) bytes() int { return 2*rowsBytes + a.readers.texts.bytes() + a.waiting.texts.bytes() }
