package payload

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
)

// core is the immutable content of a layer with what is built from it. Its sets, but for
// those that are answers, have one bit for each document, at its first row: the head.
type core struct {
	docs      []entry // by row
	heads     Rows
	inner     Rows // rows of documents that are not their first
	long      bool // inner is not empty
	rank      [rowWords]uint16
	waiting   map[uint16][]string // by first row; nil when nothing waits
	continued *Rows               // documents that began in another block; nil: none
	expires   []int64             // of each document; nil when none expires
	soonest   int64               // the first of these, MaxInt64 when there are none
	byTime    struct {
		sync.Once
		ordinals []uint16 // of documents that expire, the soonest first
	}

	uses    atomic.Int32 // evaluations while the core was small
	columns columns
	access  lazy[access]
	ids     lazy[texts] // outside ids
	matches cache
	visible cache
}

// entry is a Doc without what few documents have.
type entry struct {
	doc         *lode.Document
	first, rows uint16
}

func newCore(docs []Doc) *core {
	c := &core{docs: make([]entry, len(docs)), soonest: math.MaxInt64}
	for i, d := range docs {
		c.docs[i] = entry{doc: d.Doc, first: uint16(d.First), rows: uint16(d.Rows)}
		c.heads.Set(d.First)
		c.inner.SetRange(d.First+1, d.First+d.Rows)
		c.long = c.long || d.Rows > 1
		if len(d.Waiting) > 0 {
			if c.waiting == nil {
				c.waiting = map[uint16][]string{}
			}
			c.waiting[uint16(d.First)] = d.Waiting
		}
		if d.Continued {
			mark(&c.continued, uint16(d.First))
		}
		c.setExpires(i, d.Expires)
	}
	rank := 0
	for i, w := range c.heads {
		c.rank[i] = uint16(rank)
		rank += bits.OnesCount64(w)
	}
	return c
}

func (c *core) setExpires(ordinal int, at int64) {
	if at == 0 {
		return
	}
	if c.expires == nil {
		c.expires = make([]int64, len(c.docs))
	}
	c.expires[ordinal] = at
	c.soonest = min(c.soonest, at)
}

// doc returns a document as it was given.
func (c *core) doc(ordinal int) Doc {
	e := &c.docs[ordinal]
	d := Doc{First: int(e.first), Rows: int(e.rows), Doc: e.doc, Waiting: c.waiting[e.first], Continued: c.continues(e.first)}
	if c.expires != nil {
		d.Expires = c.expires[ordinal]
	}
	return d
}

// continues reports whether the document with this head began in another block.
func (c *core) continues(head uint16) bool { return c.continued != nil && c.continued.Has(int(head)) }

// ordinal returns the number of the document whose head is the row.
func (c *core) ordinal(head int) int {
	word, bit := head/wordBits, uint(head)%wordBits
	return int(c.rank[word]) + bits.OnesCount64(c.heads[word]&(1<<bit-1))
}

// at returns the document whose head is the row.
func (c *core) at(head int) *entry { return &c.docs[c.ordinal(head)] }

func (c *core) small() bool { return len(c.docs) <= smallDocs }

// directUses is how often a small core's documents are asked one by one before it is worth
// to index them. The newest layer of a growing block rarely lives that long.
const directUses = 4

// direct reports whether to ask the documents instead of an index this time.
func (c *core) direct() bool {
	return c.small() && c.uses.Load() < directUses && c.uses.Add(1) <= directUses
}

// all sets into to the rows of all documents.
func (c *core) all(into *Rows) {
	*into = c.heads
	into.Or(&c.inner)
}

// expand turns a set of heads into the set of all their documents' rows.
//
// A bit added at the bottom of a run of ones in inner turns the run into zeros by its carry,
// which comes to rest on the head behind the run. So one addition over the block finds all
// rows of all documents in the set.
func (c *core) expand(set *Rows) {
	if !c.long {
		return
	}
	var carry, top uint64
	for i, heads := range set {
		inner := c.inner[i]
		starts := (heads<<1 | top) & inner
		top = heads >> (wordBits - 1)
		var sum uint64
		sum, carry = bits.Add64(inner, starts, carry)
		set[i] |= inner &^ sum
	}
}

// headsOf returns the heads of the documents that have a row in the set.
func (c *core) headsOf(rows *Rows) Rows {
	var heads Rows
	if !c.long {
		heads = *rows
		heads.And(&c.heads)
		return heads
	}
	for i := range c.docs {
		e := &c.docs[i]
		if rows.CountRange(int(e.first), int(e.first)+int(e.rows)) > 0 {
			heads.Set(int(e.first))
		}
	}
	return heads
}

// ask adds to into the heads among candidates whose documents match the filter.
func (c *core) ask(f *lode.Filter, candidates, into *Rows) {
	for i, w := range candidates {
		for ; w != 0; w &= w - 1 {
			bit := w & -w
			ordinal := int(c.rank[i]) + bits.OnesCount64(c.heads[i]&(bit-1))
			if f.Match(c.docs[ordinal].doc) {
				into[i] |= bit
			}
		}
	}
}

// expired returns the documents that are expired at now.
func (c *core) expired(now int64) []uint16 {
	if now < c.soonest {
		return nil
	}
	c.byTime.Do(func() {
		for i, at := range c.expires {
			if at != 0 {
				c.byTime.ordinals = append(c.byTime.ordinals, uint16(i))
			}
		}
		slices.SortFunc(c.byTime.ordinals, func(a, b uint16) int { return cmp.Compare(c.expires[a], c.expires[b]) })
	})
	list := c.byTime.ordinals
	n := sort.Search(len(list), func(i int) bool { return c.expires[list[i]] > now })
	return list[:n]
}
