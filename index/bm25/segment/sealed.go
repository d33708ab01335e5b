package segment

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/vellum"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Sealed searches a file in place: in memory that somebody else owns, such as a mapping, and
// must keep as it is until no search runs and the Sealed is not used any more. Only which rows
// are removed changes. It may be used by any number of goroutines at once.
//
// Each part of the file is compared with its checksum when it is first read. What does not
// match, or cannot be read at all, is [lode.CodeCorrupt].
type Sealed struct {
	data    []byte
	foot    *foot
	lengths [MaxFields][]byte
	touched []atomic.Uint64 // blocks that were checked

	dictionary atomic.Pointer[vellum.FST]
	dead       []atomic.Uint64
	// mu covers what removed rows are taken off; see Remove.
	mu struct {
		sync.RWMutex
		stats Statistics
		gone  map[uint32]uint32 // removed rows by number of a term
	}
}

// Open opens what [Growing.Seal], [Builder.Finish] or [Merge] wrote with the options. It reads
// head, foot and checksums only.
func Open(data []byte, opts Options) (x *Sealed, err error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	fault := distance.Guard(func() { x, err = open(data, opts) })
	if fault != nil {
		return nil, faulty("open", fault)
	}
	return x, err
}

func faulty(what string, fault error) error {
	return lode.Errorf(lode.CodeCorrupt, "%s lexical segment: %w", what, fault)
}

func open(data []byte, opts Options) (*Sealed, error) {
	f, err := decodeFoot(data)
	if err != nil {
		return nil, err
	}
	if f.fields != opts.fields() || f.positions != opts.Positions || f.analyzer != opts.Analyzer {
		return nil, corrupt("it has %d fields, positions %t, terms of %q; expected are %d, %t, %q",
			f.fields, f.positions, f.analyzer, opts.fields(), opts.Positions, opts.Analyzer)
	}
	if f.source != opts.Source {
		return nil, corrupt("its rows are those of %x, expected are those of %x", f.source, opts.Source)
	}
	x := &Sealed{data: data, foot: f}
	if crc32.Checksum(x.sums(), castagnoli) != f.sumsCRC {
		return nil, corrupt("its table of checksums does not match")
	}
	x.touched = make([]atomic.Uint64, (len(x.sums())/4+63)/64)
	x.dead = make([]atomic.Uint64, (f.rows+63)/64)
	x.mu.gone = make(map[uint32]uint32)
	x.mu.stats = Statistics{Rows: f.filled, Terms: f.totals}
	at, _ := f.lengthOffsets()
	for i := range f.fields {
		start := f.section[sectionLengths].start + at[i]
		x.lengths[i] = data[start : start+f.rows*uint64(f.widths[i])]
	}
	return x, nil
}

func (x *Sealed) sums() []byte { return x.data[x.foot.sums.start:x.foot.sums.end()] }

// touch checks the blocks that hold the bytes of the file from one to before another, unless
// they were checked before.
func (x *Sealed) touch(from, to uint64) error {
	if from >= to {
		return nil
	}
	for i := from / blockBytes; i <= (to-1)/blockBytes; i++ {
		if x.touched[i/64].Load()>>(i%64)&1 == 1 {
			continue
		}
		if err := x.verifyBlock(i); err != nil {
			return err
		}
		x.touched[i/64].Or(1 << (i % 64))
	}
	return nil
}

func (x *Sealed) verifyBlock(i uint64) error {
	if 4*(i+1) > x.foot.sums.size {
		return corrupt("there is no block %d", i)
	}
	block := x.data[i*blockBytes : min((i+1)*blockBytes, x.foot.sums.start)]
	if crc32.Checksum(block, castagnoli) != le32(x.sums()[4*i:]) {
		return corrupt("block %d of %d bytes does not match its checksum", i, blockBytes)
	}
	return nil
}

// Verify compares every byte with its checksum and reads every record.
func (x *Sealed) Verify(ctx context.Context) (err error) {
	fault := distance.Guard(func() { err = x.verify(ctx) })
	if fault != nil {
		return faulty("verify", fault)
	}
	return err
}

func (x *Sealed) verify(ctx context.Context) error {
	if _, err := decodeFoot(x.data); err != nil {
		return err
	}
	if crc32.Checksum(x.sums(), castagnoli) != x.foot.sumsCRC {
		return corrupt("its table of checksums does not match")
	}
	for i := range x.foot.sums.size / 4 {
		if err := index.Stopped(ctx); err != nil {
			return err
		}
		if err := x.verifyBlock(i); err != nil {
			return err
		}
	}
	if err := x.verifyTerms(ctx); err != nil {
		return err
	}
	return x.verifyRows(ctx)
}

// Len is the number of rows, removed ones included.
func (x *Sealed) Len() int { return int(x.foot.rows) }

// Terms is the number of different terms.
func (x *Sealed) Terms() int { return int(x.foot.terms) }

// Bytes is about the memory that it holds beside the file.
func (x *Sealed) Bytes() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	const perGone = 16
	return int64(8*(len(x.touched)+len(x.dead)) + perGone*len(x.mu.gone))
}

func (x *Sealed) isDead(row uint32) bool { return x.dead[row/64].Load()>>(row%64)&1 == 1 }

// Remove takes rows out: no search that begins later answers with them, and their words leave
// the statistics. Rows that are removed already or never existed are passed over. After an error
// the rows before the damage are removed.
func (x *Sealed) Remove(rows ...uint32) (err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	fault := distance.Guard(func() { err = x.removeLocked(rows) })
	if fault != nil {
		return faulty("remove rows of", fault)
	}
	return err
}

func (x *Sealed) removeLocked(rows []uint32) error {
	var numbers []uint32
	for _, row := range rows {
		if uint64(row) >= x.foot.rows || x.isDead(row) {
			continue
		}
		var err error
		if numbers, err = x.rowTerms(numbers[:0], row); err != nil {
			return err
		}
		if err := x.touchLengths(row, row+1); err != nil {
			return err
		}
		var lengths [MaxFields]uint64
		for f := range x.foot.fields {
			lengths[f] = uint64(x.length(f, row))
		}
		x.dead[row/64].Or(1 << (row % 64)) // nothing is read from here on that could fail
		if len(numbers) == 0 {
			continue
		}
		x.mu.stats.Rows--
		for f, n := range lengths {
			x.mu.stats.Terms[f] -= n
		}
		for _, n := range numbers {
			x.mu.gone[n]++
		}
	}
	return nil
}

// rowTerms appends the numbers of the terms of a row.
func (x *Sealed) rowTerms(dst []uint32, row uint32) ([]uint32, error) {
	at, all := x.foot.section[sectionForwardIndex], x.foot.section[sectionForward]
	entry := at.start + uint64(row)/forwardGroup*8
	if err := x.touch(entry, entry+8); err != nil {
		return dst, err
	}
	offset := binary.LittleEndian.Uint64(x.data[entry:])
	if offset >= all.size {
		return dst, corrupt("the terms of row %d are at %d of %d bytes", row, offset, all.size)
	}
	from := all.start + offset
	// A row has fewer different terms than terms; it is read in steps, checked before.
	r := &reader{data: x.data[from:all.end()]}
	for skip := row % forwardGroup; ; skip-- {
		var err error
		if dst, err = x.readNumbers(dst, r, from); err != nil || skip == 0 {
			return dst, err
		}
		dst = dst[:0]
	}
}

// readNumbers appends the numbers of the row that r stands at. r began at a byte of the file.
func (x *Sealed) readNumbers(dst []uint32, r *reader, from uint64) ([]uint32, error) {
	if err := x.touchAt(r, from, 5); err != nil {
		return dst, err
	}
	n, last := r.u32(), uint64(0)
	if err := x.touchAt(r, from, 5*uint64(n)); err != nil {
		return dst, err
	}
	for i := range n {
		distance := uint64(r.u32())
		if last += distance; last >= x.foot.terms || i > 0 && distance == 0 {
			r.bad("a row has term %d of %d", last, x.foot.terms)
		}
		if r.err != nil {
			return dst, r.err
		}
		dst = append(dst, uint32(last))
	}
	return dst, r.err
}

// touchAt checks the next bytes that r is going to read.
func (x *Sealed) touchAt(r *reader, from, n uint64) error {
	at := from + uint64(r.at)
	return x.touch(at, min(at+n, from+uint64(len(r.data))))
}

func (x *Sealed) touchLengths(from, to uint32) error {
	at, _ := x.foot.lengthOffsets()
	for f := range x.foot.fields {
		start, w := x.foot.section[sectionLengths].start+at[f], uint64(x.foot.widths[f])
		if err := x.touch(start+uint64(from)*w, start+uint64(to)*w); err != nil {
			return err
		}
	}
	return nil
}

// length is the number of terms of a row in a field; see touchLengths.
func (x *Sealed) length(field int, row uint32) uint32 {
	switch b := x.lengths[field]; x.foot.widths[field] {
	case 1:
		return uint32(b[row])
	case 2:
		return uint32(binary.LittleEndian.Uint16(b[2*uint64(row):]))
	default:
		return le32(b[4*uint64(row):])
	}
}

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// fst is the dictionary, checked when it is first used.
func (x *Sealed) fst() (*vellum.FST, error) {
	if fst := x.dictionary.Load(); fst != nil {
		return fst, nil
	}
	at := x.foot.section[sectionDictionary]
	if err := x.touch(at.start, at.end()); err != nil {
		return nil, err
	}
	var fst *vellum.FST
	err := strict(func() (err error) {
		fst, err = vellum.Load(x.data[at.start:at.end()])
		return err
	})
	if err != nil {
		return nil, asCorrupt(err)
	}
	x.dictionary.Store(fst)
	return fst, nil
}

// strict runs f, which reads the dictionary. The automaton trusts its bytes: where they lead
// out of them although the checksums are right, whoever wrote the file is at fault, and the
// answer is damage.
func strict(f func() error) (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if fault, ok := cause.(runtime.Error); ok {
			if _, mapped := cause.(interface{ Addr() uintptr }); !mapped {
				err = corrupt("dictionary: %v", fault)
				return
			}
		}
		panic(cause)
	}()
	return f()
}

// lookup finds the record of a term.
func (x *Sealed) lookup(term string, rec *record) (found bool, err error) {
	fst, err := x.fst()
	if err != nil {
		return false, err
	}
	var offset uint64
	err = strict(func() (err error) {
		offset, found, err = fst.Get([]byte(term))
		return err
	})
	if err != nil || !found {
		return false, asCorrupt(err)
	}
	return true, rec.read(x, offset)
}

// asCorrupt makes an error of the dictionary damage.
func asCorrupt(err error) error {
	if err == nil || lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	return corrupt("dictionary: %v", err)
}
