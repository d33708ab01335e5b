package collection

import (
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// The words of a row are in two fields: those of its text, and those of title and heading path.
const wordFields = 2

// wordOptions shape the words of every part of every collection.
var wordOptions = lexical.Options{Fields: wordFields, Positions: true, Analyzer: text.Rules()}

// wordOptionsOf are those of the file of the words of a sealed segment: the words of another one
// with as many rows are never taken for its own.
func wordOptionsOf(h lode.Hash) lexical.Options {
	o := wordOptions
	o.Source = string(h[:])
	return o
}

// partWords are the words of the rows of a part: in memory while it grows, and until there is a
// file beside the sealed segment.
type partWords struct {
	part    lexical.Part
	growing *lexical.Growing // the same while it is in memory
	file    *wordsFile       // the same while it lies in a file
	// rows are as those of the part, of which they may be others; nil where they are the same.
	rows []uint32
}

// wordsFile is the words of a sealed segment in a file that is searched in place. It keeps that
// mapped.
type wordsFile struct {
	*lexical.Sealed
	segment lode.SegmentID
	rows    *storage.SealedRows
	name    storage.IndexName
	file    *vfs.Mapping
	// verified says that the file was read whole, and nothing was found since; damaged that rows
	// could not be removed, so that nothing may be found in it any more.
	verified, damaged atomic.Bool
	residence         atomic.Uint32 // as that of a graphPart
}

// wordsView are the words of a part as a snapshot holds them.
type wordsView struct {
	part lexical.Part
	file *wordsFile
	rows []uint32 // as those of the part
	same bool     // they are those of the part
	full bool     // every row of the file is live
}

// addWords appends the words of a row that has an ordinal of the collection.
func (p *part) addWords(row lexical.Row, ordinal uint32) (err error) {
	w := &p.words
	if w.part == nil {
		if w.growing, err = lexical.NewGrowing(wordOptions); err != nil {
			return err
		}
		w.part = w.growing
	}
	if w.growing == nil {
		return fmt.Errorf("the words of segment %d are sealed", p.segment)
	}
	at, err := w.growing.Add(row)
	if err != nil {
		return err
	}
	if w.rows == nil && int(at) == len(p.rows)-1 {
		return nil
	}
	if w.rows == nil {
		w.rows = slices.Clone(p.rows[:at])
	}
	if int(at) != len(w.rows) {
		return fmt.Errorf("it is row %d of the words of its segment, want %d", at, len(w.rows))
	}
	w.rows = append(w.rows, ordinal+1)
	return nil
}

// apart are the words with rows of their own, before those of the part change.
func (w partWords) apart(rows []uint32) partWords {
	if w.part != nil && w.rows == nil {
		w.rows = rows
	}
	return w
}

// together are the words without rows of their own where the part has the same.
func (w partWords) together(rows []uint32) partWords {
	if w.rows != nil && slices.Equal(w.rows, rows) {
		w.rows = nil
	}
	return w
}

// wordRows are the rows of the words.
func (p *part) wordRows() []uint32 {
	if p.words.rows != nil {
		return p.words.rows
	}
	return p.rows
}

// removal are rows whose words are to be forgotten.
type removal struct {
	words partWords
	rows  []uint32
}

// removing notes that rows, consecutive in the collection and so here, are dead. What they are
// called is fixed now: rows may be numbered anew before they are forgotten.
func (p *part) removing(all []removal, ordinal, n uint32) []removal {
	row, ok := findRow(p.wordRows(), ordinal)
	if !ok || p.words.part == nil {
		return all
	}
	if last := len(all) - 1; last < 0 || all[last].words.part != p.words.part {
		all = append(all, removal{words: p.words})
	}
	r := &all[len(all)-1]
	for i := range n {
		r.rows = append(r.rows, row+i)
	}
	return all
}

// forget takes dead rows out of the words and their statistics. Rows that a lexical search may
// still answer with must stay: it holds lexicalUse, and began with a snapshot that is older than
// the one just published.
func (c *collection) forget() {
	if len(c.segment.removed) == 0 {
		return
	}
	c.lexicalUse.Lock()
	defer c.lexicalUse.Unlock()
	for _, r := range c.segment.removed {
		r.words.remove(r.rows)
	}
	c.segment.removed = c.segment.removed[:0]
}

// remove takes rows out. A file in which that fails would answer wrongly: nothing is found in it
// until other words are in its place.
func (w partWords) remove(rows []uint32) {
	if w.growing != nil {
		w.growing.Remove(rows...)
		return
	}
	if err := w.file.removeRows(rows); err != nil {
		w.file.damaged.Store(true)
	}
}

// size is that of the file; 0 where there is none.
func (f *wordsFile) size() int64 {
	if f == nil {
		return 0
	}
	return int64(len(f.file.Bytes()))
}

func (f *wordsFile) removeRows(rows []uint32) error {
	defer runtime.KeepAlive(f.file)
	return f.Remove(rows...)
}

// compactWords follows a renumbering of the collection's live rows. The words of dead rows stay
// until the part is sealed, or gone.
func (p *part) compactWords(keep *index.Bitset, moved []uint32) {
	if p.words.part == nil || p.words.rows == nil && p.flat == nil {
		return // a graph's rows are renumbered in the same way
	}
	rows := make([]uint32, 0, len(p.wordRows()))
	before, last := uint32(0), uint32(0)
	for _, row := range p.wordRows() {
		if row != before && keep.Has(row-1) {
			last = moved[row-1] + 1
		}
		before = row
		rows = append(rows, last)
	}
	p.words.rows = rows
}

func (p *part) wordsView() wordsView {
	w := &p.words
	v := wordsView{part: w.part, file: w.file, rows: slices.Clip(p.wordRows()), same: w.rows == nil}
	v.full = w.file != nil && p.alive == w.part.Len()
	return v
}

// wordOrder is the order in which the words of the parts of a snapshot are searched, so that equal
// scores come in order of rows.
type wordOrder struct {
	parts []int // places of the parts
	mixed bool  // rows of some lie between those of others
}

func orderWords(parts []partView) (o wordOrder) {
	bounds := func(p *partView) (first, last uint32) {
		rows := p.words.rows
		i, _ := slices.BinarySearch(rows, 1)
		return rows[min(i, len(rows)-1)], rows[len(rows)-1]
	}
	for i := range parts {
		o.parts = append(o.parts, i)
	}
	slices.SortFunc(o.parts, func(a, b int) int {
		first, _ := bounds(&parts[a])
		second, _ := bounds(&parts[b])
		return int(int64(first) - int64(second))
	})
	end := uint32(0)
	for _, i := range o.parts {
		first, last := bounds(&parts[i])
		o.mixed = o.mixed || first <= end
		end = max(end, last)
	}
	return o
}

// wordsKey is what a memo knows the rows of the words by that some rows of the part leave.
type wordsKey struct{ allow *index.Bitset }

// allowWords gives allowed rows of the part the numbers that they have in its words; nil: all.
func (p *partView) allowWords(allow *index.Bitset) *index.Bitset {
	switch {
	case p.words.full && allow == p.live:
		return nil
	case p.words.same:
		return allow
	case allow == p.live || p.memo.holds(allow):
		return p.memo.get(wordsKey{allow}, func() *index.Bitset { return p.narrowWords(allow) })
	}
	return p.narrowWords(allow) // it will not be asked for again
}

// narrowWords walks the rows of part and words side by side: both ascend.
func (p *partView) narrowWords(allow *index.Bitset) *index.Bitset {
	out := index.NewBitset(len(p.words.rows))
	before, at := uint32(0), 0
	for row, ordinal := range p.words.rows {
		if ordinal == before {
			continue // none of the collection's
		}
		before = ordinal
		for at < len(p.rows) && p.rows[at] < ordinal {
			at++
		}
		if at < len(p.rows) && p.rows[at] == ordinal && allow.Has(uint32(at)) {
			out.Set(uint32(row))
		}
	}
	return out
}
