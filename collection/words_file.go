package collection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/storage"
)

// wordsIndex names the file of the words of a sealed segment.
func wordsIndex(h lode.Hash) storage.IndexName { return storage.IndexName{Hash: h, Words: true} }

// openWords opens the words of a sealed segment that were written before; a missing file is
// [fs.ErrNotExist].
func (e *Engine) openWords(id lode.SegmentID, rows *storage.SealedRows) (*wordsFile, error) {
	name := wordsIndex(rows.Hash)
	file, err := e.store.MapIndex(name)
	if err != nil {
		return nil, err
	}
	x, err := lexical.Open(file.Bytes(), wordOptionsOf(rows.Hash))
	if err == nil && x.Len() != rows.Rows {
		err = lode.Errorf(lode.CodeCorrupt, "it has %d rows, the segment %d", x.Len(), rows.Rows)
	}
	if err != nil {
		return nil, fmt.Errorf("open words of segment %d: %w", id, err)
	}
	return &wordsFile{Sealed: x, segment: id, rows: rows, name: name, file: file}, nil
}

// wordsMemory is how much of a file of words is gathered in memory before it is put aside.
const wordsMemory = 64 << 20

// wordBytes is about what the words of a row take in a file.
const wordBytes = 512

// writeWords writes the words of a sealed segment, if there is room for them.
func (e *Engine) writeWords(ctx context.Context, c *collection, rows *storage.SealedRows) error {
	release, err := e.options.Room(int64(wordBytes * rows.Rows))
	if err != nil {
		return err
	}
	defer release()
	yield, end := e.options.Pace(ctx)
	defer end()
	fsys, dir := e.store.IndexFolder()
	b, err := lexical.NewBuilder(wordOptionsOf(rows.Hash), lexical.BuilderOptions{
		Memory: wordsMemory, Scratch: lexical.InFolder(fsys, dir, rows.Hash.String()+".words."),
	})
	if err != nil {
		return err
	}
	defer b.Close() // what it holds aside; Finish says what went wrong
	err = e.readWords(ctx, c.settings.ID, rows, func(row lexical.Row) error {
		yield()
		return b.Add(row)
	})
	if err != nil {
		return err
	}
	return e.store.PutIndex(wordsIndex(rows.Hash), func(w io.Writer) error { return b.Finish(w) })
}

// readWords calls add with the words of the rows of a sealed segment, in their order. Each of its
// transactions is a short one.
func (e *Engine) readWords(ctx context.Context, c lode.CollectionID, rows *storage.SealedRows, add func(lexical.Row) error) error {
	for some := range slices.Chunk(rows.Versions(), loadedVersions) {
		err := e.store.View(func(tx *storage.Tx) error { return readWordsOf(ctx, tx, c, some, add) })
		if err != nil {
			return err
		}
	}
	return nil
}

// readWordsOf reads those of some versions. One that is gone, or never was ready, has rows
// without words: nobody can ask for them any more.
func readWordsOf(ctx context.Context, tx *storage.Tx, c lode.CollectionID, all []storage.SealedVersion, add func(lexical.Row) error) error {
	for _, v := range all {
		if err := index.Stopped(ctx); err != nil {
			return err
		}
		known, err := absent(tx.Version(c, v.Doc, v.Version))
		if err != nil {
			return err
		}
		if known == nil || known.State != lode.StateReady || known.FirstRow != v.First || known.Chunks != v.Rows {
			for range v.Rows {
				if err := add(nil); err != nil {
					return err
				}
			}
			continue
		}
		err = tx.ChunkTexts(c, known, func(staged *lode.StagedChunk) error {
			return add(wordsOf(known.Language, &staged.Chunk, known.Title))
		})
		if err != nil {
			return fmt.Errorf("document %d: %w", v.Doc, err)
		}
	}
	return nil
}

// adoptWords makes the words of a sealed file those of the part of its segment. Rows of the file
// that the collection does not show are removed. After an error the part is as it was.
func (s *segment) adoptWords(w partWords, id lode.SegmentID, of *storage.SealedRows) error {
	p := s.part(id)
	if p == nil || p.segment != id {
		return nil
	}
	in := placeRows(of, s.rows, &s.docs.table, func(*entry, int) {})
	if err := w.removeDead(in.live); err != nil {
		return err
	}
	w.rows = in.rows
	p.words, p.memo = w.together(p.rows), nil
	return nil
}

// removeDead removes all rows that are not live.
func (w partWords) removeDead(live *index.Bitset) error {
	var dead []uint32
	for row := range uint32(w.part.Len()) {
		if !live.Has(row) {
			dead = append(dead, row)
		}
	}
	if w.growing != nil {
		w.growing.Remove(dead...)
		return nil
	}
	return w.file.removeRows(dead)
}

// asWords are the words of a file.
func (f *wordsFile) asWords() partWords { return partWords{part: f.Sealed, file: f} }

// BuildWords writes the words of sealed segments of this node that have no file of them, and reads
// those through that a start has found. Every node calls it now and then, beside everything
// else; until there is a file the words are in memory. It returns how many it wrote.
func (e *Engine) BuildWords(ctx context.Context) (built int, err error) {
	var errs []error
	for _, c := range e.catalog.Load().byID {
		err := c.await(ctx)
		if err == nil {
			var n int
			n, err = e.buildWords(ctx, c)
			built += n
		}
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			errs = append(errs, fmt.Errorf("words of collection %s: %w", c.settings.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return built, errors.Join(errs...)
}

// buildWords does for a collection what BuildWords does for all.
func (e *Engine) buildWords(ctx context.Context, c *collection) (built int, err error) {
	parts, due := map[lode.SegmentID]partView{}, c.unworded.Load()
	for _, p := range c.published.Load().parts {
		parts[p.segment] = p
		due = due || p.words.file != nil && !p.words.file.sound()
	}
	if !due {
		return 0, nil // as nearly always: storage need not be asked
	}
	c.unworded.Store(false)
	all, err := e.segmentsOf(c.settings.ID)
	if err != nil {
		return 0, err
	}
	var errs []error
	for i := range all {
		if all[i].State != storage.SegmentSealed || ctx.Err() != nil {
			continue
		}
		done, err := e.buildWordsOf(ctx, c, all[i].ID, parts[all[i].ID].words.file)
		if done {
			built++
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil || ctx.Err() != nil {
		c.unworded.Store(true)
		return built, err
	}
	return built, nil
}

// buildWordsOf writes the words of a sealed segment and gives them to searches, or looks at those
// that these have.
func (e *Engine) buildWordsOf(ctx context.Context, c *collection, id lode.SegmentID, has *wordsFile) (built bool, err error) {
	switch {
	case has == nil:
	case has.sound():
		return false, nil
	default:
		return false, e.lookAtWords(ctx, c, has)
	}
	rows, err := e.mapSealed(c, id)
	if rows == nil {
		return false, err
	}
	f, built, err := e.ensureWords(ctx, c, id, rows)
	if err != nil {
		return false, err
	}
	if err := f.forgetDead(c.published.Load()); err != nil {
		return built, errors.Join(err, e.store.DropIndex(f.name))
	}
	return built, e.changeWords(c, func(s *segment) error { return s.adoptWords(f.asWords(), id, rows) })
}

// ensureWords opens the words of a sealed segment, which it writes where there are none.
func (e *Engine) ensureWords(ctx context.Context, c *collection, id lode.SegmentID, rows *storage.SealedRows) (f *wordsFile, built bool, err error) {
	e.building.words.Lock() // before they are looked for: somebody else may be writing them
	defer e.building.words.Unlock()
	if f, err = e.openWords(id, rows); err == nil {
		return f, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		e.options.Logger.Warn("a file of words is written anew", "collection", c.settings.Name, "segment", id, "error", err)
	}
	if err := e.writeWords(ctx, c, rows); err != nil {
		return nil, false, err
	}
	f, err = e.openWords(id, rows)
	return f, err == nil, err
}

// forgetDead removes the rows that a snapshot does not show: most of what is to be removed, before
// everybody waits for it.
func (f *wordsFile) forgetDead(s *snapshot) error {
	return f.asWords().removeDead(placeRows(f.rows, s.rows, &s.docs, func(*entry, int) {}).live)
}

// changeWords changes the words of a part, and publishes the change.
func (e *Engine) changeWords(c *collection, change func(*segment) error) error {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	if e.catalog.Load().byID[c.settings.ID] != c {
		return nil // gone meanwhile
	}
	if err := change(&c.segment); err != nil {
		return err
	}
	return c.publish()
}

// sound reports whether the file was read through, and nothing was found since.
func (f *wordsFile) sound() bool { return f.verified.Load() && !f.damaged.Load() }

func (f *wordsFile) verify(ctx context.Context) error {
	defer runtime.KeepAlive(f.file)
	return f.Verify(ctx)
}

// lookAtWords reads a file of words that is new or was found unreadable, and puts words in memory
// in its place when it is damaged: the next call writes another.
func (e *Engine) lookAtWords(ctx context.Context, c *collection, f *wordsFile) error {
	err := f.verify(ctx)
	if err == nil && !f.damaged.Load() {
		f.verified.Store(true)
		return nil
	}
	if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	e.options.Logger.Error("a file of words is damaged and will be written anew", "collection", c.settings.Name, "segment", f.segment, "error", err)
	if err := e.store.DropIndex(f.name); err != nil {
		return err
	}
	c.unworded.Store(true)
	w, err := growWords(func(add func(lexical.Row) error) error { return e.readWords(ctx, c.settings.ID, f.rows, add) })
	if err != nil {
		return fmt.Errorf("segment %d: %w", f.segment, err) // there is nothing to search: the answer to queries is the damage
	}
	return e.changeWords(c, func(s *segment) error {
		if p := s.part(f.segment); p == nil || p.words.file != f {
			return nil
		}
		return s.adoptWords(w, f.segment, f.rows)
	})
}

// growWords takes the words of a sealed segment into memory, which read gives.
func growWords(read func(add func(lexical.Row) error) error) (partWords, error) {
	x, err := lexical.NewGrowing(wordOptions)
	if err != nil {
		return partWords{}, err
	}
	err = read(func(row lexical.Row) error {
		_, err := x.Add(row)
		return err
	})
	return partWords{part: x, growing: x}, err
}
