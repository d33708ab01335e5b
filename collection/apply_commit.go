package collection

import (
	"fmt"

	"github.com/lodedb/lode"
)

// complete makes the staged parts of a version visible and drops the older version.
func (b *batch) complete(c *complete) (any, error) {
	old, refusal, err := b.fence(c.Completion.Job)
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		return b.completedBefore(&c.Completion, refusal)
	}
	switch ok, err := b.hasSilver(old); {
	case err != nil:
		return nil, err
	case !ok:
		return errNoSilver(&c.Completion), nil
	}
	rows, refusal, err := b.stagedRows(old, &c.Completion)
	if err != nil || refusal != nil {
		return refused(refusal, err)
	}
	return b.commit(&c.Completion, old, rows)
}

// completedBefore recognises a completion that was applied already: whoever sent it did not
// learn the outcome and sends it again.
func (b *batch) completedBefore(c *lode.Completion, refusal *lode.Error) (any, error) {
	d, err := b.jobDocument(c.Job)
	if err != nil {
		return nil, err
	}
	if d == nil || d.newest.Version != c.Job.Version || d.newest.State != lode.StateReady || d.newest.Epoch != c.Job.Epoch {
		return refusal, nil
	}
	if d.newest.Silver != c.Silver || d.newest.Gold != c.Gold {
		return refusal, nil
	}
	return done{}, nil
}

// hasSilver reports whether silver is staged. Whether it is all there was checked before
// the log, see [Engine.Complete]: parts of one epoch are never taken away, so a piece that
// is missing here is damage.
func (b *batch) hasSilver(d *document) (bool, error) {
	_, err := b.tx.SilverParts(d.doc.Collection, d.newest)
	if lode.IsCode(err, lode.CodeNotFound) {
		return false, nil
	}
	return err == nil, err
}

func errNoSilver(c *lode.Completion) *lode.Error {
	return lode.Invalid("silver_parts", c.SilverParts, "the staged silver is not complete")
}

// stagedRows collects the staged chunks as rows, and refuses a completion that does not
// describe them.
func (b *batch) stagedRows(d *document, c *lode.Completion) (*version, *lode.Error, error) {
	settings, err := b.tx.Collection(c.Job.Collection)
	if err != nil {
		return nil, nil, err
	}
	rows := &version{}
	chunks := make([]lode.Chunk, 0, min(max(c.Chunks, 0), 1<<16))
	inOrder := true
	err = b.tx.Chunks(d.doc.Collection, d.newest, func(s *lode.StagedChunk) error {
		v, err := lode.ParseVector(s.Vector)
		if err != nil {
			return fmt.Errorf("vector of chunk %s: %w", s.Chunk.ID, err)
		}
		inOrder = inOrder && int(s.Chunk.ID.Ordinal) == len(chunks)
		rows.words = append(rows.words, wordsOf(c.Language, &s.Chunk, c.Title))
		rows.vectors = append(rows.vectors, v)
		if err := rows.addOthers(settings.Vectors, s); err != nil {
			return err
		}
		chunks = append(chunks, s.Chunk)
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, err
	case !inOrder || len(chunks) != c.Chunks:
		return nil, lode.Invalid("chunks", c.Chunks, "%d chunks are staged, or one is missing between them", len(chunks)), nil
	case lode.GoldHash(chunks) != c.Gold:
		return nil, lode.Invalid("gold", c.Gold, "the staged chunks have another hash"), nil
	}
	rows.rows, rows.language = len(chunks), c.Language
	return rows, nil, nil
}

// commit gives the rows their ids, flips the document to the version, and drops the one
// that was shown.
func (b *batch) commit(c *lode.Completion, old *document, rows *version) (any, error) {
	next := old.clone()
	doc, v := next.doc, next.newest
	if next.hasWaiting() {
		describeDocument(doc, factsOfVersion(v))
		describeVersion(v, lode.Facts{})
		if err := b.replaced(old, next, c.At); err != nil {
			return nil, err
		}
	} else if err := b.begins(next, c.At); err != nil {
		return nil, err
	}
	if c.Chunks > 0 {
		first, err := b.tx.NextRows(doc.Collection, c.Chunks)
		if err != nil {
			return nil, err
		}
		v.FirstRow = first
	}
	doc.Current, doc.UpdatedAt = v.Version, c.At
	v.Language = c.Language
	v.State, v.Title, v.Silver, v.Gold, v.Chunks = lode.StateReady, c.Title, c.Silver, c.Gold, c.Chunks
	v.Runs, v.UpdatedAt = addRuns(v.Runs, c.Runs), c.At
	next.current = v
	if err := b.tx.DropJob(c.Job); err != nil {
		return nil, err
	}
	if err := next.put(b.tx); err != nil {
		return nil, err
	}
	rows.doc, rows.first, rows.segment = doc, v.FirstRow, v.Segment
	b.changed(old, next, rows)
	b.tell(func(ev *Events) {
		if ev.Committed != nil {
			ev.Committed(*doc, *v)
		}
	})
	return done{}, nil
}

// dropStaged drops chunks and silver parts of the newest version, which is not visible,
// and keeps its record.
func (b *batch) dropStaged(d *document) error {
	return b.tx.DropParts(d.doc.Collection, d.newest)
}
