package collection

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/lodedb/lode/index/payload"
)

// columns are what decides about the rows of a part beside their vectors: metadata, readers
// and expiry of their documents, in blocks of [payload.BlockRows] rows. Rows that are gone stay
// in their block; live rows are known elsewhere.
type columns struct {
	blocks  []*payload.Block
	held    bool                  // blocks is held by a published snapshot
	added   map[int][]payload.Doc // to blocks since they were last settled, in order
	changed map[int][]payload.Doc // in blocks, also in what was added
}

// payload is what decides about the entry's rows, as a block wants it.
func (e *entry) payload() payload.Doc {
	return payload.Doc{Doc: e.doc, Waiting: e.waiting, Expires: e.expires}
}

// add appends the rows of a document, which begin at a row of the part.
func (c *columns) add(e *entry, at int) { put(&c.added, e, at) }

// change gives a document, which begins at a row of the part, another payload.
func (c *columns) change(e *entry, at int) { put(&c.changed, e, at) }

func put(into *map[int][]payload.Doc, e *entry, at int) {
	if *into == nil {
		*into = map[int][]payload.Doc{}
	}
	for left := int(e.rows); left > 0; {
		block, first := at/payload.BlockRows, at%payload.BlockRows
		doc := e.payload()
		doc.First, doc.Rows, doc.Continued = first, min(left, payload.BlockRows-first), left < int(e.rows)
		(*into)[block] = append((*into)[block], doc)
		at, left = at+doc.Rows, left-doc.Rows
	}
}

// settle makes the blocks of everything that was added and changed.
func (c *columns) settle() (changed bool, err error) {
	if len(c.added) == 0 && len(c.changed) == 0 {
		return false, nil
	}
	if c.held {
		c.blocks, c.held = slices.Clone(c.blocks), false
	}
	for _, i := range slices.Sorted(maps.Keys(c.added)) {
		if err := c.extend(i + 1); err != nil {
			return true, err
		}
		if err := c.renew(i, c.blocks[i].Append, c.added[i]); err != nil {
			return true, err
		}
	}
	for _, i := range slices.Sorted(maps.Keys(c.changed)) {
		if err := c.renew(i, c.blocks[i].With, newest(c.changed[i])); err != nil {
			return true, err
		}
	}
	clear(c.added)
	clear(c.changed)
	return true, nil
}

func (c *columns) extend(n int) error {
	for len(c.blocks) < n {
		empty, err := payload.New(nil)
		if err != nil {
			return err
		}
		c.blocks = append(c.blocks, empty)
	}
	return nil
}

func (c *columns) renew(i int, with func([]payload.Doc) (*payload.Block, error), docs []payload.Doc) error {
	next, err := with(docs)
	if err != nil {
		return fmt.Errorf("payload block %d: %w", i, err)
	}
	c.blocks[i] = next
	return nil
}

// newest keeps the last of several changes of one document.
func newest(docs []payload.Doc) []payload.Doc {
	slices.SortStableFunc(docs, func(a, b payload.Doc) int { return cmp.Compare(a.First, b.First) })
	kept := docs[:0]
	for i, d := range docs {
		if i+1 == len(docs) || docs[i+1].First != d.First {
			kept = append(kept, d)
		}
	}
	return kept
}
