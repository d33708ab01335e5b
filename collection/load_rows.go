package collection

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// loadedVersions is how many versions are handed from goroutine to goroutine at a time.
const loadedVersions = 256

// loader makes the in-memory state of a collection of what one transaction holds.
type loader struct {
	ctx      context.Context
	tx       *storage.Tx
	c        *collection
	segments []storage.Segment
	graphs   map[lode.SegmentID]*graphPart
	workers  int // goroutines beside the one that reads
	progress *progress
	asOf     *time.Time           // what was shown then; nil: what is shown
	admit    func(rows int) error // asked by a loader of the past before it reads rows
	found    []shown
	rows     int // of what was found
	free     [][]version
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
}

// version is as much of the version as reading its rows takes.
func (f *shown) version() *lode.DocVersion {
	return &lode.DocVersion{
		Doc: f.doc.No, Version: f.doc.Current, State: lode.StateReady, Epoch: f.epoch, Chunks: int(f.rows), FirstRow: f.first, Segment: f.segment,
	}
}

// load reads the documents, then their rows in the order of their ids, then lets graphs take
// the places of their segments.
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
	for _, g := range l.graphs {
		if err := s.adopt(g); err != nil {
			return err
		}
	}
	l.c.ungraphed.Store(true)
	return nil
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
		rows: uint32(v.Chunks), epoch: v.Epoch, plain: doc.Kind == lode.KindVector && v.Size == textless,
	}
}

// What searches by words are told of a row without text.
var (
	noText  = []string{""}
	noTerms = [][]string{{}}
)

// read gives the versions with what has to be read of their rows: texts, and the vectors of
// rows that no graph has.
func (l *loader) read(give func([]version) error) error {
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
func (l *loader) batch() []version {
	if n := len(l.free); n > 0 {
		b := l.free[n-1]
		l.free = l.free[:n-1]
		return b
	}
	return make([]version, 0, loadedVersions)
}

func (l *loader) readVersion(f *shown) (version, error) {
	v := version{doc: f.doc, waiting: f.waiting, segment: f.segment, first: f.first}
	home, err := l.tx.Home(l.c.settings.ID, f.segment)
	if err != nil {
		return v, err
	}
	l.c.segment.move(f.segment, home)
	graphed := l.graphs[home] != nil
	if graphed && f.plain {
		v.texts, v.terms = noText, noTerms
		return v, nil
	}
	read := l.tx.Chunks
	if graphed {
		read = l.tx.ChunkTexts
	}
	err = read(l.c.settings.ID, f.version(), func(staged *lode.StagedChunk) error {
		v.texts = append(v.texts, staged.Chunk.EmbeddedText(f.title))
		if err := v.addOthers(l.c.segment.spaces, staged); err != nil {
			return err
		}
		if graphed {
			return nil
		}
		vector, err := lode.ParseVector(staged.Vector)
		if err != nil {
			return fmt.Errorf("vector of chunk %s: %w", staged.Chunk.ID, err)
		}
		v.vectors = append(v.vectors, vector)
		return nil
	})
	return v, err
}

// analyse finds the words of the texts. It is called by many goroutines.
func (l *loader) analyse(batch []version) error {
	for i := range batch {
		v := &batch[i]
		if v.terms != nil {
			continue
		}
		v.terms = make([][]string, len(v.texts))
		for j, text := range v.texts {
			v.terms[j] = l.c.terms(text)
		}
	}
	return nil
}

func (l *loader) append(batch []version) error {
	s := &l.c.segment
	for i := range batch {
		if err := s.append(&batch[i]); err != nil {
			return fmt.Errorf("document %d: %w", batch[i].doc.No, err)
		}
	}
	l.progress.done.Store(int64(l.rows + len(s.rows)))
	clear(batch)
	l.free = append(l.free, batch[:0])
	return nil
}
