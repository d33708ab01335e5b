package collection

import (
	"bytes"
	"maps"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
)

// written is the result of a command that writes points: for each point the version that
// it has now, or why it was refused.
type written struct {
	versions []lode.Version
	errs     []error
}

// pointVectors are the vectors of a point: as they are compared, and as they are stored.
type pointVectors struct {
	vector lode.Vector
	others others

	stored                    []byte
	storedDense, storedSparse map[string][]byte // by name of the space
}

func parseVectors(settings *lode.Collection, p *point) (v pointVectors, refusal *lode.Error) {
	if v.vector, v.stored, refusal = parseVector(settings, p.Vector); refusal != nil {
		return v, refusal
	}
	v.storedSparse = p.Sparse
	v.others, v.storedDense, refusal = parseOthers(settings, p.Vectors, p.Sparse)
	return v, refusal
}

// same reports whether a stored row has the same vectors.
func (v *pointVectors) same(s *lode.StagedChunk) bool {
	return bytes.Equal(s.Vector, v.stored) && maps.EqualFunc(s.Vectors, v.storedDense, bytes.Equal) && maps.EqualFunc(s.Sparse, v.storedSparse, bytes.Equal)
}

func (v *pointVectors) bytes() int64 {
	n := len(v.stored)
	for _, named := range []map[string][]byte{v.storedDense, v.storedSparse} {
		for _, b := range named {
			n += len(b)
		}
	}
	return int64(n)
}

// putPoints stores raw vectors; each stands for itself and is visible with the batch.
func (b *batch) putPoints(c *putPoints) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	c.language = pointLanguage(&settings.Tuning)
	results := written{versions: make([]lode.Version, len(c.decoded)), errs: make([]error, len(c.decoded))}
	for i := range c.decoded {
		version, refusal, err := b.putPoint(settings, c, &c.decoded[i])
		if err != nil {
			return nil, err
		}
		results.versions[i] = version
		if refusal != nil {
			results.errs[i] = refusal
		}
	}
	return results, nil
}

func (b *batch) putPoint(settings *lode.Collection, c *putPoints, p *point) (lode.Version, *lode.Error, error) {
	vectors, refusal := c.vectors(settings, p)
	if refusal != nil {
		return 0, refusal, nil
	}
	old, err := findDocument(b.tx, c.Collection, lode.KindVector, p.ID)
	if err != nil {
		return 0, nil, err
	}
	if old != nil && !old.maySee(c.Actor.principal()) {
		return 0, errTaken(p.ID), nil
	}
	if refusal := old.unmet(p.IfVersion); refusal != nil {
		return 0, refusal, nil
	}
	if old == nil {
		return 1, nil, b.newPoint(c, p, &vectors)
	}
	before, err := b.tx.Chunk(c.Collection, old.current, 0)
	if err != nil {
		return 0, nil, err
	}
	said, now := p.facts(), old.newest.Version
	switch same := before.Chunk.Text == p.Text && vectors.same(before); {
	case same && sameFacts(old.newestFacts(), said):
		return now, nil, nil
	case same && p.IfVersion == nil:
		return now, nil, b.describePoint(c, old, said)
	}
	return now + 1, nil, b.replacePoint(c, old, p, &vectors)
}

func pointChunk(v *lode.DocVersion) lode.ChunkID {
	return lode.ChunkID{Doc: v.Doc, Version: v.Version}
}

func (b *batch) newPoint(c *putPoints, p *point, vectors *pointVectors) error {
	no, err := b.tx.NextDocNo()
	if err != nil {
		return err
	}
	doc := &lode.Document{
		No: no, Collection: c.Collection, Kind: lode.KindVector, ID: p.ID,
		Slot: slotOf(p.ID), CreatedAt: c.At,
	}
	describeDocument(doc, p.facts())
	next := &document{doc: doc}
	if err := b.begins(next, c.At); err != nil {
		return err
	}
	return b.storePoint(nil, next, c, p, vectors)
}

func (b *batch) replacePoint(c *putPoints, old *document, p *point, vectors *pointVectors) error {
	doc := *old.doc
	describeDocument(&doc, p.facts())
	next := &document{doc: &doc}
	if err := b.replaced(old, next, c.At); err != nil {
		return err
	}
	return b.storePoint(old, next, c, p, vectors)
}

// describePoint replaces metadata and readers; the row stays.
func (b *batch) describePoint(c *putPoints, old *document, said lode.Facts) error {
	next := old.clone()
	next.setFacts(said)
	next.doc.UpdatedAt, next.newest.UpdatedAt = c.At, c.At
	if err := b.described(old, next, c.At); err != nil {
		return err
	}
	if err := next.put(b.tx); err != nil {
		return err
	}
	b.changed(old, next, nil)
	return nil
}

// storePoint adds a version of one chunk, ready at once.
func (b *batch) storePoint(old, next *document, c *putPoints, p *point, vectors *pointVectors) error {
	doc, at := next.doc, c.At
	row, err := b.tx.NextRows(doc.Collection, 1)
	if err != nil {
		return err
	}
	doc.Newest++
	doc.Current, doc.UpdatedAt = doc.Newest, at
	v := &lode.DocVersion{
		Doc: doc.No, Version: doc.Newest, State: lode.StateReady, ReceivedAt: at, UpdatedAt: at,
		Size: vectors.bytes() + int64(len(p.Text)), Chunks: 1, FirstRow: row, Language: c.language,
	}
	chunk := lode.Chunk{ID: pointChunk(v), Text: p.Text, Span: lode.Span{End: len(p.Text)}}
	v.Gold = lode.GoldHash([]lode.Chunk{chunk})
	next.newest, next.current = v, v
	if err := b.tx.Place(doc.Collection, v); err != nil {
		return err
	}
	if err := b.tx.PutChunk(doc.Collection, v, &lode.StagedChunk{Chunk: chunk, Vector: vectors.stored, Vectors: vectors.storedDense, Sparse: vectors.storedSparse}); err != nil {
		return err
	}
	if err := next.put(b.tx); err != nil {
		return err
	}
	b.changed(old, next, &version{
		doc: doc, segment: v.Segment, first: row, rows: 1, language: v.Language, words: []lexical.Row{p.wordsIn(v.Language)},
		vectors: []lode.Vector{vectors.vector}, others: []others{vectors.others},
	})
	b.tell(func(ev *Events) {
		if ev.Committed != nil {
			ev.Committed(*doc, *v)
		}
	})
	return nil
}
