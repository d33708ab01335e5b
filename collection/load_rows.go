package collection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/storage"
)

// loadedVersions is how many versions are handed from goroutine to goroutine at a time.
const loadedVersions = 256

// loader makes the in-memory state of a collection of what one transaction holds.
type loader struct {
	ctx      context.Context
	e        *Engine
	tx       *storage.Tx
	c        *collection
	segments []storage.Segment
	files    segmentFiles
	workers  int // goroutines beside the one that reads
	progress *progress
	asOf     *time.Time           // what was shown then; nil: what is shown
	admit    func(rows int) error // asked by a loader of the past before it reads rows
	found    []shown
	rows     int // of what was found
	free     [][]loaded
}

// shown is a document with a searchable version, and where the rows of that are.
type shown struct {
	doc     *lode.Document
	waiting []string
	title   string
	segment lode.SegmentID
	first   lode.RowID
	rows    uint32
	epoch   uint32
	plain   bool // its only row has no text

	language string
}

// version is as much of the version as reading its rows takes.
func (f *shown) version() *lode.DocVersion {
	return &lode.DocVersion{
		Doc: f.doc.No, Version: f.doc.Current, State: lode.StateReady, Epoch: f.epoch, Chunks: int(f.rows), FirstRow: f.first, Segment: f.segment,
	}
}

// load reads the documents, then their rows in the order of their ids, then lets graphs and words in
// files take the places of their segments.
func (l *loader) load() error {
	if err := l.documents(); err != nil {
		return err
	}
	if l.asOf != nil {
		if err := l.ended(); err != nil {
			return err
		}
		if err := l.admit(l.rows); err != nil {
			return err
		}
	}
	byRow := func(a, b shown) int { return cmp.Compare(a.first, b.first) }
	if !slices.IsSortedFunc(l.found, byRow) {
		slices.SortFunc(l.found, byRow)
	}
	s := &l.c.segment
	s.rows = make([]rowRef, 0, l.rows)
	s.docs.reserve(len(l.found))
	if err := ordered(l.workers, l.read, l.analyse, l.append); err != nil {
		return err
	}
	l.found, l.free = nil, nil
	for _, g := range l.files.graphs {
		if err := s.adopt(&fileIndexes{segment: g.segment, rows: g.rows, graph: g, spaces: g.spaces}); err != nil {
			return err
		}
	}
	for _, f := range l.files.words {
		if err := l.adoptWords(f); err != nil {
			return err
		}
	}
	l.c.ungraphed.Store(true)
	l.c.unworded.Store(true)
	return nil
}

// adoptWords lets a file of words take the place of those of its segment, which were not read.
// They are read where the file turns out to be damaged.
func (l *loader) adoptWords(f *wordsFile) error {
	err := l.c.segment.adoptWords(f.asWords(), f.segment, f.rows)
	if !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	l.e.options.Logger.Error("a file of words is damaged and will be written anew", "collection", l.c.settings.Name, "segment", f.segment, "error", err)
	grown, err := growWords(func(add func(lexical.Row) error) error {
		return readWordsOf(l.ctx, l.tx, l.c.settings.ID, f.rows.Versions(), add)
	})
	if err != nil {
		return fmt.Errorf("words of segment %d: %w", f.segment, err)
	}
	return errors.Join(l.e.store.DropIndex(f.name), l.c.segment.adoptWords(grown, f.segment, f.rows))
}

// step is between two batches.
func (l *loader) step() error {
	l.c.loading.standBack()
	return l.ctx.Err()
}

// decoded is a batch of documents, and what a worker makes of it.
type decoded struct {
	batch *storage.DocumentBatch
	found []shown
	stats lode.CollectionStats
}

// documents finds what is searchable, and counts.
func (l *loader) documents() error {
	produce := func(give func(*decoded) error) error {
		return l.tx.DocumentBatches(l.c.settings.ID, func(b *storage.DocumentBatch) error {
			if err := l.step(); err != nil {
				return err
			}
			return give(&decoded{batch: b})
		})
	}
	return ordered(l.workers, produce, l.decode, func(d *decoded) error {
		l.found = append(l.found, d.found...)
		addStats(&l.c.segment.stats, d.stats, +1)
		for i := range d.found {
			l.rows += int(d.found[i].rows)
		}
		l.progress.done.Store(int64(l.rows))
		return nil
	})
}

// decode is called by many goroutines.
func (l *loader) decode(of *decoded) error {
	defer of.batch.Release()
	return of.batch.Decode(func(doc *lode.Document, newest, current *lode.DocVersion) error {
		d := document{doc: doc, newest: newest, current: current}
		if l.asOf != nil && !shownAt(doc, *l.asOf, l.c.tuning.Load()) {
			return nil
		}
		addStats(&of.stats, d.count(), +1)
		if current == nil || current.Chunks == 0 {
			return nil
		}
		if l.asOf != nil {
			l.dated(doc, current)
		}
		of.found = append(of.found, l.shownOf(doc, current, d.waitingReaders()))
		return nil
	})
}

func (l *loader) shownOf(doc *lode.Document, v *lode.DocVersion, waiting []string) shown {
	textless := int64(4 * l.c.settings.Dim) // the size of a raw vector is that of vector and text
	if len(l.c.settings.Vectors) > 0 {
		textless = -1 // and of its vectors in named spaces, which are read
	}
	return shown{
		doc: doc, waiting: waiting, title: v.Title, segment: v.Segment, first: v.FirstRow,
		rows: uint32(v.Chunks), epoch: v.Epoch, language: v.Language, plain: doc.Kind == lode.KindVector && v.Size == textless,
	}
}

// noWords are those of a row without text.
var noWords = []lexical.Row{nil}

// read gives the versions with what has to be read of their rows: the texts of those that no file
// has the words of, and the vectors of those that no graph has.
func (l *loader) read(give func([]loaded) error) error {
	for found := range slices.Chunk(l.found, loadedVersions) {
		if err := l.step(); err != nil {
			return err
		}
		batch := l.batch()
		for i := range found {
			v, err := l.readVersion(&found[i])
			if err != nil {
				return fmt.Errorf("document %d: %w", found[i].doc.No, err)
			}
			batch = append(batch, v)
		}
		if err := give(batch); err != nil {
			return err
		}
	}
	return nil
}

// batch is an empty one; the memory is used again and again.
func (l *loader) batch() []loaded {
	if n := len(l.free); n > 0 {
		b := l.free[n-1]
		l.free = l.free[:n-1]
		return b
	}
	return make([]loaded, 0, loadedVersions)
}

// loaded is a version, and the chunks whose words are still to be found.
type loaded struct {
	version
	shown  *shown
	chunks []lode.Chunk
}

func (l *loader) readVersion(f *shown) (loaded, error) {
	v := loaded{shown: f, version: version{doc: f.doc, waiting: f.waiting, segment: f.segment, first: f.first, rows: int(f.rows), language: f.language}}
	home, err := l.tx.Home(l.c.settings.ID, f.segment)
	if err != nil {
		return v, err
	}
	l.c.segment.move(f.segment, home)
	graphed, worded := l.files.graphs[home] != nil, l.files.words[home] != nil
	switch {
	case graphed && worded && l.c.segment.sparse == nil:
		return v, nil
	case graphed && f.plain:
		if !worded {
			v.words = noWords
		}
		return v, nil
	}
	read := l.tx.Chunks
	if graphed {
		read = l.tx.ChunkTexts
	}
	rows := 0
	err = read(l.c.settings.ID, f.version(), func(staged *lode.StagedChunk) error {
		rows++
		if !worded {
			v.chunks = append(v.chunks, staged.Chunk)
		}
		return l.addVectors(&v, staged, graphed)
	})
	if err == nil && rows != v.rows {
		err = lode.Errorf(lode.CodeCorrupt, "it has %d rows, not %d", rows, v.rows)
	}
	return v, err
}

// addVectors adds the vectors of the next row that no graph has.
func (l *loader) addVectors(v *loaded, staged *lode.StagedChunk, graphed bool) error {
	if err := v.addOthers(l.c.segment.spaces, staged); err != nil || graphed {
		return err
	}
	vector, err := lode.ParseVector(staged.Vector)
	if err != nil {
		return fmt.Errorf("vector of chunk %s: %w", staged.Chunk.ID, err)
	}
	v.vectors = append(v.vectors, vector)
	return nil
}

// analyse finds the words of the texts. It is called by many goroutines.
func (l *loader) analyse(batch []loaded) error {
	for i := range batch {
		v := &batch[i]
		for j := range v.chunks {
			v.words = append(v.words, wordsOf(v.shown.language, &v.chunks[j], v.shown.title))
		}
		v.chunks = nil
	}
	return nil
}

func (l *loader) append(batch []loaded) error {
	s := &l.c.segment
	for i := range batch {
		if err := s.append(&batch[i].version); err != nil {
			return fmt.Errorf("document %d: %w", batch[i].doc.No, err)
		}
	}
	l.progress.done.Store(int64(l.rows + len(s.rows)))
	clear(batch)
	l.free = append(l.free, batch[:0])
	return nil
}
